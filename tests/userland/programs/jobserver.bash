#!/bin/bash
# The jobserver's fifo style: make 4.3 has only the pipe, so bash serves the tokens and eight clients take them, as make 4.4's do.
mkfifo jobserver
exec {server}<> jobserver
printf '+++' >&$server  # four jobs: one is everybody's own
client() {
    local token
    exec 5<> jobserver
    IFS= read -r -N 1 -u 5 token
    ln -s "$1" running.$1; set -- running.* "$1"; echo $(($# - 1)) >> most; sleep 0.05; rm running.${!#}
    printf %s "$token" >&5
}
for i in 1 2 3 4 5 6 7 8; do client $i & done
wait
sort -n most | awk '$1 > 3 { print "too many" } END { print NR, "clients" }'
IFS= read -r -N 3 -u $server left; echo "tokens back: $left"
read -r -t 0 -u $server || echo "none more"
# gcc takes part in make's pipe: two make's below a third share three tokens
cat > Makefile <<'M'
all: one two ; @echo all
one two: ; +@$(MAKE) --no-print-directory -f sub.mk NAME=$@
M
cat > sub.mk <<'M'
all: a b c d
a b c d: ; @ln -s x running.$(NAME)$@; set -- running.*; echo $$# >> most2; sleep 0.05; rm running.$(NAME)$@
M
for i in 1 2 3; do rm -f most2; make -j3 || echo "make $?"; done
sort -n most2 | awk '$1 > 3 { print "too many" } END { print NR, "jobs" }'
