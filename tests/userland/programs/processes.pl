$| = 1;
use strict; use POSIX ":sys_wait_h"; use IPC::Open3; use IPC::Open2;
my $pid = fork; if (!$pid) { POSIX::_exit(7) } waitpid $pid, 0; print "exit ", $? >> 8, "\n";
$pid = fork; if (!$pid) { kill 9, $$ } waitpid $pid, 0; print "sig ", $? & 127, "\n";
print "system ", system("exit 3") >> 8, "\n"; print "system list ", system("true"), "\n";
print "missing ", system("/no/such"), " $!\n";
print "back ", `echo hi; exit 2`, $? >> 8, "\n";
open my $f, "-|", "echo", "one two" or die; print "pipe: ", <$f>; close $f;
open $f, "|-", "tr a-z A-Z" or die; print $f "upper\n"; close $f; print "close $?\n";
$pid = open $f, "-|"; if (!$pid) { print "from child\n"; exit 5 } print "forked: ", <$f>; close $f; print "st ", $? >> 8, "\n";
$pid = open $f, "|-"; if (!$pid) { while (<STDIN>) { print "child got $_" } close STDOUT; POSIX::_exit(0) } print $f "data\n"; close $f;
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 10; }; print "eval: $@";
eval { local $SIG{ALRM} = sub { die "read alarm\n" }; alarm 1; pipe my $r, my $w; my $x = <$r>; }; print "eval: $@";
my $n = 0; $SIG{CHLD} = sub { while ((my $p = waitpid -1, WNOHANG) > 0) { $n++ } };
for (1..5) { my $p = fork; if (!$p) { POSIX::_exit($_) } } select undef, undef, undef, 0.1 while $n < 5; print "reaped $n\n"; $SIG{CHLD} = "DEFAULT";
$SIG{USR1} = sub { print "usr1\n" }; kill USR1 => $$; 
$pid = fork; if (!$pid) { setpgrp; print "group ", getpgrp() == $$ ? "own" : "not", "\n"; kill STOP => $$; exit 1 }
waitpid $pid, WUNTRACED; print "stopped ", WIFSTOPPED(${^CHILD_ERROR_NATIVE}) ? WSTOPSIG(${^CHILD_ERROR_NATIVE}) : "no", "\n"; kill CONT => $pid; waitpid $pid, 0; print $? >> 8, "\n";
my $p3 = open3(my $in, my $out, undef, "cat; echo err >&2; exit 6"); print $in "through\n"; close $in; print sort <$out>; waitpid $p3, 0; print $? >> 8, "\n";
my $p2 = open2(my $o2, my $i2, "sort"); print $i2 "b\na\n"; close $i2; print <$o2>; waitpid $p2, 0;
print "wait -1: ", wait, "\n"; $pid = fork; exec "sh", "-c", "exit 9" if !$pid; print wait == $pid ? "same " : "other ", $? >> 8, "\n";
$SIG{PIPE} = "IGNORE"; open $f, "|-", "true"; sleep 1; print $f "x" x 100000; close $f; print "epipe ok\n";
{ local $SIG{INT} = "IGNORE"; print system("kill -INT \$\$; exit 3"), "\n" }
$pid = fork; if (!$pid) { $SIG{TERM} = sub { print "term\n"; POSIX::_exit(0) }; kill USR1 => getppid; sleep 100 } select undef, undef, undef, 0.3; kill TERM => $pid; waitpid $pid, 0; print "$?\n";
my ($r, $w); pipe $r, $w; if (!fork) { close $r; print $w "p$_\n" for 1..3; close $w; POSIX::_exit(0) } close $w; print <$r>; wait;
print "times ok\n" if (times)[2] >= 0; print getpriority(0, 0), "\n"; 
END { print "end block $?\n"; } 
$pid = fork; if (!$pid) { POSIX::_exit(0) } waitpid $pid, 0; print "nohang: ", waitpid(-1, WNOHANG), "\n"; local $?; exit 11;
