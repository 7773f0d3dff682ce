#!/bin/bash
# GNU parallel, xargs -P and its signals, find -exec.
exec 2>&1
export PARALLEL_HOME=$PWD/ph; mkdir -p ph; touch ph/will-cite
parallel -j4 -k 'sleep 0.0{}; echo {}; exit {}' ::: 3 1 2; echo "st $?"
parallel -j2 --halt now,fail=1 'sleep 0.{}; exit {}' ::: 0 1 5 9; echo "halt $?"
parallel --joblog jl -j2 'exit {}' ::: 0 2 1; echo $?; cut -f1,7,8,9 jl | sort -n
seq 1000 | parallel --pipe -N250 -k wc -l
parallel --timeout 1 -k 'sleep {}; echo slept {}' ::: 0 9; echo "to $?"
parallel --retries 3 'echo try >> tries; test $(wc -l < tries) -ge 3 && echo third' ::: x; echo $?; cat tries
seq 5 | xargs -P3 -n1 sh -c 'sleep 0.0$0; echo $0' | sort
seq 3 | xargs -P2 -n1 sh -c 'exit $0'; echo $?
seq 3 | xargs -n1 sh -c 'exit 255'; echo $?
echo x | xargs sh -c 'kill -9 $$'; echo $?
echo x | xargs nosuch; echo $?
cat > slow.sh <<'X'
echo s$1 >> marks; until [ -e go ]; do sleep 0.05; done; echo e$1 >> marks
X
mkfifo feed
xargs -P1 -n1 sh slow.sh < feed & x=$!
seq 4 > feed
until [ -s marks ]; do sleep 0.01; done
kill -USR1 $x; until [ "$(wc -l < marks)" = 2 ]; do sleep 0.01; done
kill -USR2 $x; touch go; wait $x; echo $?; sort marks
touch f1 f2 f3; find . -name 'f?' -exec echo {} \; | sort; find . -name 'f?' -exec sh -c 'echo $# files' _ {} +
find . -name 'f?' -execdir echo {} \; | sort; find . -name f1 -delete; ls f?
find . -name 'f?' -print0 | xargs -0 -I@ echo '<@>' | sort
