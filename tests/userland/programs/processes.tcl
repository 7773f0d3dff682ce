puts [exec echo hi]
puts [exec sort << "b\na\n"]
puts [exec echo one two | tr a-z A-Z | rev]
puts [catch {exec sh -c "exit 3"} m opts]; puts $m; puts [lindex [dict get $opts -errorcode] 0] ; puts [lindex [dict get $opts -errorcode] 2]
puts [catch {exec sh -c "kill -9 \$\$"} m opts]; puts [lrange [dict get $opts -errorcode] 2 3]
puts [catch {exec sh -c "echo err >&2"} m]; puts $m
puts [catch {exec nosuch} m]; puts $m
exec sh -c "echo file; echo err >&2" > out 2> err; puts [exec cat out err]
exec echo more >> out; puts [exec cat < out]
puts [exec sh -c "echo a; echo b >&2" 2>@1]
set f [open "|sort" r+]; puts $f "z\ny"; flush $f; close $f write; puts [read $f]; close $f
set f [open "|cat" r+]; fconfigure $f -buffering line; puts $f line1; puts [gets $f]; puts $f line2; puts [gets $f]; close $f
set f [open "|sh -c {exit 4}"]; puts [catch {close $f} m]; puts $m
set n 0
proc rd {f} { global n done; if {[gets $f line] >= 0} { puts "got $line"; incr n } elseif {[eof $f]} { catch {close $f}; set done 1 } }
set f [open "|sh -c {for i in 1 2 3; do echo \$i; sleep 0.1; done}"]; fconfigure $f -blocking 0; fileevent $f readable [list rd $f]
after 150 {puts tick}
vwait done
puts "n $n"
set pids [exec sleep 0.1 &]; puts [llength $pids]
set pids [exec sh -c "exit 0" | cat &]; puts [llength $pids]
after 200 {set x 1}; vwait x
set f [open "|cat"  w]; puts $f "to stdout"; close $f
puts [llength [pid [set f [open "|echo a | cat | cat"]]]]; read $f; close $f
after 100 {set y timer}; vwait y; puts $y
set id [after 1000 {puts never}]; after cancel $id
puts [exec sh -c {cat /dev/fd/0} << stdin]
lassign [chan pipe] r w; exec echo through >@ $w; close $w; puts [read $r]; close $r
puts [expr {[pid] > 1}]
set c 0; foreach i {1 2 3 4} { set f [open "|sh -c {sleep 0.0$i; echo $i}"]; fconfigure $f -blocking 0; fileevent $f readable [list many $f] }
proc many {f} { global c d; if {[gets $f l] >= 0} { lappend ::all $l } elseif {[eof $f]} { close $f; if {[incr c] == 4} { set d 1 } } }
vwait d; puts [lsort $all]
exit 5
