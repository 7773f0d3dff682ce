#!/bin/bash
# Debian's tools in pipelines: tar, gzip, xz, cpio, find, sed, three awks, sqlite3, bc, a configure script, strace of make.
exec 2>&1
has() { command -v "$1" > /dev/null || { echo "no $1"; return 1; }; }
mkdir -p t/a/b; for i in 1 2 3 4 5; do seq $i 100 > t/a/f$i; done; ln -s f1 t/a/l
tar cf - t | gzip -n | tee x.tgz | gzip -dc | tar tvf - | awk '{print $1,$3,$6,$7,$8}' | sort
tar czf y.tgz t; mkdir u; tar xzf y.tgz -C u; diff -r t u/t && echo same
tar cf - t | xz -T2 | xz -dc | tar tf - | sort | head -3
find t -type f -print0 | xargs -0 md5sum | sort
has cpio && find t | cpio -o --quiet 2>/dev/null | cpio -it --quiet 2>/dev/null | sort | head -3
sed -i 's/1/one/' t/a/f1; head -1 t/a/f1; sed -i.bak -e '1d' t/a/f3; ls t/a
sed -n 'w out1
1!G;h;$!d' t/a/f5; tail -1 out1
seq 5 | sed 's/.*/echo &-&/e'
gawk 'BEGIN { cmd = "sort -r"; print "a" |& cmd; print "b" |& cmd; close(cmd, "to"); while ((cmd |& getline l) > 0) print "co", l; print close(cmd) }'
gawk 'BEGIN { "date -u -d @0 +%Y" | getline y; print y; print system("exit 3"); while (("seq 3" | getline n) > 0) s += n; print s; print "z\ny" | "sort"; close("sort"); printf "" | "exit 7"; print close("exit 7") }' 2>&1
mawk 'BEGIN { while ("ls t" | getline f) print f; print system("kill -9 $$"); print "q" | "cat" }'
has sqlite3 && { sqlite3 db "create table a(x); begin; insert into a values(1),(2); commit; select sum(x) from a;"; (sqlite3 -cmd '.timeout 20000' db "begin immediate; insert into a values(3); commit;" & sqlite3 -cmd '.timeout 20000' db "begin immediate; insert into a values(4); commit;" & wait); sqlite3 db "pragma journal_mode=wal; insert into a values(10); select sum(x) from a;"; }
echo 'scale=5; 22/7; for(i=0;i<3;i++) i^2' | bc
cat > configure <<'C'
#!/bin/sh
# a configure script by hand
CC=${CC-gcc}
echo "checking for $CC... $(command -v $CC >/dev/null && echo yes)"
cat > conftest.c <<X
int main(void) { return 0; }
X
printf 'checking whether the C compiler works... '
if $CC -O0 -o conftest conftest.c 2>config.log && ./conftest; then echo yes; else echo no; fi
for h in stdio.h nosuch.h; do
  printf "checking for $h... "
  echo "#include <$h>" > conftest.c
  if $CC -E conftest.c >/dev/null 2>>config.log; then echo yes; d="$d
#define HAVE_$(echo $h | tr a-z. A-Z_) 1"; else echo no; fi
done
sed "s|@DEFS@|defs|; s|@CC@|$CC|" > out.mk <<X
CC=@CC@
X
echo "$d" > config.h
rm -rf conftest*
trap 'echo cleanup; exit 0' 0
exec 5>&1
echo done >&5
C
chmod +x configure; ./configure; cat config.h out.mk
has strace && strace -f -o st make -s -f /dev/stdin <<'M' 2>&1
all: ; @echo traced; true; true
M
grep -c execve st; grep -o 'exited with [0-9]*' st | sort | uniq -c
has groff && groff -Tascii -man <<'G'
.TH X 1
.SH NAME
x \- something
G
has man && { printf '.TH X 1\n.SH NAME\nx - y\n' > x.1; MANWIDTH=70 man -P cat -l ./x.1; }
