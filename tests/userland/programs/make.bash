#!/bin/bash
# make: parallel rules, recursive make on one jobserver, -k, -n, -i, -q, failing and killed rules, targets deleted on a signal.
exec 2>&1
mkdir -p sub/a sub/b
cat > Makefile <<'M'
all: a b c sub
a b c:
	@echo start $@ >> log; sleep 0.2; echo end $@ >> log; echo $@ > $@
sub:
	@$(MAKE) -s -C sub all
	@echo "$(MAKEFLAGS)" | sed 's/auth=[^ ]*/auth=X/'
.PHONY: all sub
M
cat > sub/Makefile <<'M'
all: x y
x y:
	@sleep 0.05; echo $(MAKELEVEL) $@ > $@
M
echo "== default style"
make -j4 2>&1 | sort; sort log; cat a b c sub/x sub/y
rm -f a b c sub/x sub/y log
rm -f a b c
echo "== -n"
make -n | sed "s,$PWD,.,"
echo "== -k"
cat > Makefile.k <<'M'
all: good bad good2 dependent
good good2:
	@echo $@
bad:
	@echo half > $@; exit 3
dependent: bad
	@echo never
killed:
	@kill -9 $$$$
.DELETE_ON_ERROR:
M
make -f Makefile.k -k; echo $?; ls bad
make -f Makefile.k; echo $?
make -f Makefile.k killed; echo $?
make -f Makefile.k -i bad; echo $?
make -f Makefile.k -q good; echo $?
make -f Makefile.k nosuch; echo $?
echo "== -j1 vs load"
make -l 100 -s -f Makefile.k good good2; echo $?
make -O -f Makefile.k good good2; echo $?

echo "== interrupt"
cat > Makefile.i <<'M'
all: one two
one two:
	@echo half > $@; echo ready >> go; exec sleep 50
.PRECIOUS: two
M
ready() { until [ "$(cat go 2>/dev/null | wc -l)" = $1 ]; do sleep 0.01; done; }
set -m
exec 2> /dev/null  # bash tells of jobs that died with their PIDs
for jobs in 1; do
rm -f go one two
make -j$jobs -f Makefile.i > out 2>&1 &
ready $jobs
kill -INT -- -$!
wait $! || echo "INT to the group ends it"  # with 130, or with 2 if the rule's death is seen before the signal
grep -o "Deleting.*" out; echo one* two*
done
rm -f go one two
make -f Makefile.i > out 2>&1 &
ready 1
kill -TERM $!
wait $!; echo "TERM to make: $?"
sort out; echo one* two*
