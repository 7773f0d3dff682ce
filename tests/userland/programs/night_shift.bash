#!/bin/bash
# A night's work of a small post office, in 300 lines of bash: coprocesses, process substitution, here-documents, traps,
# `wait -n`, job control, pipelines with statuses, descriptors by number, locks, named pipes. Only what is certain is printed.

set -u
shopt -s lastpipe extglob nullglob
export LC_ALL=C

readonly DESK=$PWD/desk
declare -i letters=0
declare -A route=([north]=3 [south]=5 [east]=7)
declare -a log=()

say() { printf '%-10s %s\n' "$1" "${*:2}"; }
note() { log+=("$*"); }
die() { say died "$*"; exit 9; }
section() { say ---- "$1"; }

# ---- here-documents and strings

section documents
mkdir "$DESK" && cd "$DESK" || die "no desk"
name=Ada
cat > letter <<LETTER
Dear $name,
two and two is $((2 + 2)), \$HOME is not expanded, $(echo but this is).
Yours
LETTER
cat letter
cat > raw <<'RAW'
$name stays $((as)) it `was`
RAW
cat raw
cat <<-TABBED
	tabs go
		here
	TABBED
tr a-z A-Z <<< "a here-string for $name"
while IFS=: read -r who where; do say "$who" "goes $where"; done <<< "$(printf 'one:north\ntwo:south\n')"
{ cat; cat <&3; } <<FIRST 3<<SECOND
first document
FIRST
second document
SECOND

# ---- a coprocess as calculator

section coprocess
coproc CALC { while read -r a op b; do
    case $op in
        +) echo $((a + b)) ;;
        -) echo $((a - b)) ;;
        stop) exit 4 ;;
        *) echo '?' ;;
    esac
done; }
calc_pid=$CALC_PID
ask() { echo "$*" >&"${CALC[1]}"; read -r -u "${CALC[0]}" answer; say ask "$* = $answer"; }
ask 3 + 4
ask 10 - 1
ask 2 x 2
for i in 1 2 3 4 5 6 7 8 9 10; do
    echo "$i + $i" >&"${CALC[1]}"
    read -r -u "${CALC[0]}" answer
    letters+=answer
done
say sum $letters
echo "0 stop 0" >&"${CALC[1]}"
wait "$calc_pid"
say ended $?

coproc sed -u 's/^/> /'
exec {to}>&"${COPROC[1]}" {from}<&"${COPROC[0]}"
sed_pid=$COPROC_PID
eval "exec ${COPROC[1]}>&-"
printf '%s\n' quoted twice >&"$to"
exec {to}>&-
cat <&"$from"
exec {from}<&-
wait "$sed_pid" 2> /dev/null
say sed gone

# ---- process substitution

section substitution
diff <(seq 1 6) <(seq 2 7)
say diff $?
paste -d, <(printf '%s\n' a b c) <(printf '%s\n' 1 2 3) <(yes z | head -n 3)
seq 1 20 | tee >(awk '{ s += $1 } END { print s > "sum" }') >(grep -c 1 > ones) > all
until [[ -s sum && -s ones ]]; do sleep 0.01; done
say tee "$(cat sum) $(cat ones) $(wc -l < all)"
while read -r n; do letters+=n; done < <(seq 1 10)
say kept $letters
mapfile -t lines < <(printf 'x%d\n' {1..5})
say mapfile "${#lines[@]} ${lines[4]}"
sort -m <(printf '%s\n' a c e) <(printf '%s\n' b d f) | tr '\n' ' '
echo

# ---- pipelines and their statuses

section pipelines
false | true | (exit 5)
say status "${PIPESTATUS[*]}"
(set -o pipefail; (exit 3) | (exit 4) | true; say pipefail $?)
yes | head -n 1 > /dev/null
say yes "${PIPESTATUS[*]}"
printf '%s\n' 5 3 9 | sort -n | { read -r least; say least "$least"; }
echo last | read -r word
say lastpipe "$word"
seq 1 2000 | while read -r n; do echo $((n * n)); done | awk '{ s += $1 } END { print s }'
! { echo inverted | grep -q missing; } && say grep "not there"
for f in a b c; do echo $f > "$f.in"; done
for f in *.in; do mv "$f" "${f%.in}.out"; done
say glob *.out !(*.out|letter|raw)
rm -- *.out

# ---- background jobs, wait in each form

section waiting
for n in 3 1 2; do (sleep 0.$n; exit $((n * 10))) & pids[n]=$!; done
for n in 1 2 3; do wait "${pids[n]}"; say wait "$n gave $?"; done
(sleep 0.4; exit 1) & slow=$!
(sleep 0.1; exit 2) & fast=$!
wait -n; say first $?
wait -n; say second $?
wait -n 2> /dev/null; say none $?
(sleep 0.1; exit 6) & a=$!
(sleep 5) & b=$!
wait -n -p which "$a" "$b"; status=$?
[[ $which == "$a" ]] && say which "the right one, $status"
kill "$b"; wait "$b" 2> /dev/null; say killed $?
wait 1 2> /dev/null; say stranger $?
sleep 3 & sleep_pid=$!
kill -STOP $sleep_pid
until grep -q '^State:.T' /proc/$sleep_pid/status; do sleep 0.01; done
say state "$(awk '/^State/ { print $3 }' /proc/$sleep_pid/status)"
kill -KILL $sleep_pid; wait $sleep_pid 2> /dev/null; say status $?
jobs_before=$(jobs | wc -l)
say jobs "$jobs_before left"

# ---- eight workers and a bag of tasks

section workers
mkfifo bag
exec {tokens}<> bag
for i in {1..4}; do echo >&$tokens; done
for i in {1..12}; do
    read -r -u $tokens
    {
        (( i % 5 )) && result=fine || result=broken
        flock results.lock bash -c "echo 'task $i $result' >> results"
        echo >&$tokens
    } &
done
wait
exec {tokens}>&-
sort -k2n results
say workers "$(wc -l < results) results, $(grep -c broken results) broken"

# ---- traps

section traps
trap 'note usr1' USR1
trap 'note usr2' USR2
kill -USR1 $$; kill -USR2 $$; kill -USR1 $$
say caught "${log[*]}"
log=()
( trap 'echo inner exit; trap - EXIT' EXIT; echo inside )
( trap 'echo term; exit 7' TERM; kill -TERM $BASHPID; echo never )
say trapped $?
( kill -TERM $BASHPID; echo never ) 2> /dev/null
say untrapped $?
trap '' INT
bash -c 'kill -INT $$; echo "ignored, and inherited so"'
trap - INT
bash -c 'trap "echo err at \$LINENO" ERR; false; true; (exit 3); echo end'
bash -c 'set -e; trap "echo leaving \$?" EXIT; f() { return 5; }; f; echo never'
say set-e $?
bash -c 'trap "echo debug \$BASH_COMMAND" DEBUG; x=1; echo $x; trap - DEBUG; :'
traced() { trap 'echo return from $FUNCNAME' RETURN; echo body; trap - RETURN; }
traced
bash -c 'trap "echo got hup" HUP; sleep 0.3 & kill -HUP $$; wait $!; echo "wait gave $?"'
bash -c 'trap "echo alarm; exit 3" ALRM; (sleep 0.1; kill -ALRM $$) & while :; do sleep 0.05; done'
say alarm $?
bash -c 'trap "n=\$((n+1))" CHLD; n=0; for i in 1 2 3; do /bin/true; done; echo "$n children"'
trap -p USR1
trap - USR1 USR2

# ---- descriptors

section descriptors
exec 7> seven
echo to seven >&7
(echo from a child >&7)
exec 7>&-
cat seven
{ echo out; echo err >&2; } 2>&1 >/dev/null | sed 's/^/only /'
exec 8<> both; echo rw >&8; exec 8<&-; cat both
exec {fd}< letter; read -r -u "$fd" line; say line "$line"; read -r -u "$fd" -n 7 part; say part "$part"; exec {fd}<&-
{ echo closed >&9; } 2> /dev/null || say badfd $?
ls /nonexistent > listing 2>&1 || say ls $?
read -r -t 0.05 never < <(sleep 0.5) || say timeout $(($? > 128))
printf 'a\0b\0' | while IFS= read -r -d '' item; do say item "$item"; done
exec 6>&1 > redirected; echo into file; exec 1>&6 6>&-; say file "$(cat redirected)"
set -o noclobber; (echo x > redirected) 2> /dev/null || say noclobber $?; set +o noclobber

# ---- functions, arrays, arithmetic, text

section language
fib() { local -i n=$1; ((n < 2)) && { echo $n; return; }; echo $(($(fib $((n - 1))) + $(fib $((n - 2))))); }
say fib "$(fib 9)"
sieve() { local -i n=$1 i j; local -a p; for ((i = 2; i <= n; i++)); do
    [[ ${p[i]-} ]] && continue; echo -n "$i "; for ((j = i * i; j <= n; j += i)); do p[j]=x; done; done; echo; }
sieve 50
for key in $(printf '%s\n' "${!route[@]}" | sort); do say route "$key ${route[$key]}"; done
text="the quick brown fox"
say upper "${text^^}"; say cut "${text:4:5}"; say swap "${text//o/0}"; say tail "${text##* }"; say count "${#text}"
[[ $text =~ (q[a-z]+)\ ([a-z]+) ]] && say regex "${BASH_REMATCH[2]} ${BASH_REMATCH[1]}"
printf -v padded '%05d|%-6s|%x' 42 ab 255; say printf "$padded"
say brace {a,b}{1..3}
case $text in *brown*) say case yes ;;& *fox) say case also ;; *) say case no ;; esac
select_menu() { PS3=; select choice in alpha beta; do say chose "$choice"; break; done; } 2> /dev/null
select_menu <<< 2
getopts_demo() { local OPTIND opt; while getopts ':ab:' opt; do say getopts "$opt ${OPTARG-}"; done; }
getopts_demo -a -b value -z
eval 'say eval "$(type -t say)"'
ref() { local -n target=$1; target=changed; }; value=old; ref value; say nameref $value
say hash "$(seq 1 100 | md5sum | cut -c1-8)"
export -f say; bash -c 'say exported function'
env -i PATH="$PATH" bash -c 'echo "${HOME-no home}"'
(cd / && say pwd "$PWD"); [[ $PWD == "$DESK" ]] && say pwd kept

# ---- programs that run programs

section programs
seq 1 6 | xargs -n 2 -P 3 sh -c 'echo $(($1 + $2))' sum | sort -n
find . -type f -name '*e*' -exec sh -c 'for f; do echo "${f#./}"; done' found {} + | sort
seq 1 3 | awk '{ print | "sort -r" } END { close("sort -r"); system("echo awk ends") }'
timeout 0.1 sleep 5; say timeout $?
timeout -s KILL 0.1 sleep 5; say timeout $?
nohup sh -c 'kill -HUP $$; echo survived' < /dev/null 2> /dev/null
setsid -w sh -c 'exit 12'; say setsid $?
nice -n 5 sh -c 'nice'
(ulimit -n 20; ulimit -n)
sh -c 'exec 5< letter; exec cat <&5' | head -n 1
bash -c 'exec -a renamed sh -c "echo \$0"' ; ( exec true ); say exec $?
tar cf - letter raw | gzip | gunzip | tar tf -
./no-such-program 2> /dev/null; say missing $?
. /dev/stdin <<< 'say sourced "$name"'

# ---- the end

section end
set -m
sleep 100 & alone=$!
sleep 100 | sleep 100 & pipeline=$!
say running "$(jobs -r | wc -l)"
kill "$alone"; wait "$alone"; say alone $?
group=$(cut -d' ' -f5 /proc/$pipeline/stat)
kill -- "-$group"; wait "$pipeline"; say pipeline $?
say groups "$((group != $$ && alone != $$))"
sh -c 'kill -STOP $$; exit 8' & stopped=$!
until grep -q '^State:.T' /proc/$stopped/status; do sleep 0.01; done
say stopped "$(jobs -s | wc -l)"
fg %% > /dev/null; say fg $?
set +m

section checks
for pair in "1 -lt 2" "a = a" "-d $DESK" "-f $DESK" "-n $name"; do
    # shellcheck disable=SC2086
    if [ $pair ]; then say test "${pair/$DESK/desk} holds"; else say test "${pair/$DESK/desk} fails"; fi
done
count=0
while :; do
    ((++count > 5)) && break
    ((count == 2)) && continue
    for inner in 1 2 3; do ((inner == count)) && continue 2; done
    say loop $count
done
until ((count == 3)); do ((count--)); done
say until $count
cleanup() { local status=$?; rm -rf "$DESK"; say cleanup "status $status, desk $([[ -d $DESK ]] && echo stays || echo gone)"; exit 17; }
trap cleanup EXIT
cd ..
exit 3
