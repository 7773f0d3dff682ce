#!/bin/sh
# Traps, waits, here-documents and jobs of a plain shell: run by dash and by BusyBox's ash.
exec 2> /dev/null
trap "echo term" TERM; kill $$; trap - TERM
(exit 4) & wait $!; echo "wait $?"
x=$(cat <<X
here $((6 * 7))
X
); echo "$x"
sleep 100 & kill $!; wait $!; echo "killed $?"
for i in 1 2 3; do echo $i; done | while read -r x; do echo "<$x>"; done
mkfifo p; (echo through > p) & cat p; wait
(trap 'echo leaving' EXIT; exit 3); echo $?
trap '' INT; sh -c 'kill -INT $$; echo ignored'; trap - INT
sh -c 'trap "echo hup; exit 5" HUP; kill -HUP $$; echo never'; echo $?
{ echo a; echo b; } > f; while read -r l; do echo "line $l"; done < f; exec 3< f; read -r l <&3; echo "$l"; exec 3<&-
i=0; while [ $i -lt 20 ]; do i=$((i + 1)); /bin/true || echo failed; done; echo $i
f() { local v=$1; echo "$v"; return 6; }; f arg; echo $?
set -- a b c; shift; echo "$# $*"; case $1 in b) echo case;; esac
! false && echo negated; false || true && echo and
(ulimit -n 30; ulimit -n); umask 027; umask; : > g; ls -l g | cut -c1-10
exec sh -c 'echo last; exit 9'
