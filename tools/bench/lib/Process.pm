package Process;
# The processes of a benchmark: started on one core, measured from /proc, ended by their pid at the latest
# when the benchmark ends, however that comes about.
use strict;
use warnings;
use Exporter 'import';
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);
our @EXPORT_OK = qw(start stop run_for wait_ready ensure_free cpu_ns core_busy_ns rss_bytes allowed_cores slurp);

my %running;    # pid => what it is, for messages

# Cores this process may use, lowest first: containers do not always have core 0.
sub allowed_cores {
    my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m or return (0);
    return map { /(\d+)-(\d+)/ ? ($1 .. $2) : $_ } split /,/, $list;
}

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or return '';
    local $/;
    return <$in> // '';
}

# Start a command on one core, output into a file; returns its pid. The kernel ends it should we be killed.
sub start {
    my ($core, $log, @command) = @_;
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $log;
        open STDERR, '>&', \*STDOUT;
        exec { 'setpriv' } 'setpriv', '--pdeathsig', 'KILL', 'taskset', '-c', $core, @command or POSIX::_exit(127);
    }
    $running{$pid} = "@command";
    return $pid;
}

# Run a command on one core to its end and return what it printed; dies when it fails or takes too long.
sub run_for {
    my ($core, $seconds, $log, @command) = @_;
    my $pid = start($core, $log, @command);
    my $ended = wait_end($pid, $seconds);
    stop($pid) if !$ended;
    delete $running{$pid};
    my $printed = slurp($log);
    die "still running after $seconds s: @command\n$printed" if !$ended;
    die "failed: @command\n$printed" if $?;
    return $printed;
}

sub wait_end {
    my ($pid, $seconds) = @_;
    for (my $until = time + $seconds; time < $until; sleep 0.01) {
        return 1 if waitpid($pid, POSIX::WNOHANG) == $pid;
    }
    return 0;
}

sub stop {
    my ($pid, $signal) = @_;
    return if !$running{$pid};
    kill $signal // 'TERM', $pid;
    if (!wait_end($pid, 3)) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    delete $running{$pid};
}

END {
    my $status = $?;
    stop($_) for keys %running;
    $? = $status;
}
$SIG{$_} = sub { exit 130 } for qw(INT TERM HUP);

sub ensure_free {
    for my $port (@_) {
        IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1)
            or die "port $port on 127.0.0.1 is taken ($!): end what listens there, or set PORT\n";
    }
}

# Wait until the process accepts connections on the port.
sub wait_ready {
    my ($pid, $port, $log) = @_;
    for (my $until = time + 15; time < $until; sleep 0.02) {
        return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
        next if waitpid($pid, POSIX::WNOHANG) != $pid;
        my $what = delete $running{$pid};
        die "it ended instead of listening on port $port: $what\n" . slurp($log);
    }
    die "not listening on port $port after 15 s: $running{$pid}\n" . slurp($log);
}

# A process and all that it forked.
sub tree {
    my ($pid) = @_;
    my @children = map { split ' ', slurp($_) } glob "/proc/$pid/task/*/children";
    return ($pid, map { tree($_) } @children);
}

# Time that all threads of the tree spent on a core, in ns. What a thread used counts once it has ended too
# only as long as it lives; the servers measured here keep theirs.
sub cpu_ns {
    my ($pid) = @_;
    my $ns = 0;
    for my $file (map { glob "/proc/$_/task/*/schedstat" } tree($pid)) {
        $ns += (split ' ', slurp($file))[0] // 0;
    }
    return $ns;
}

# Time that a core was busy with anything, or was taken by the host of a virtual machine, in ns.
sub core_busy_ns {
    my ($core) = @_;
    my ($times) = slurp('/proc/stat') =~ /^cpu$core (.+)/m or return 0;
    my ($user, $nice, $system, undef, undef, $irq, $softirq, $steal) = split ' ', $times;
    return ($user + $nice + $system + $irq + $softirq + $steal) * 1e9 / POSIX::sysconf(&POSIX::_SC_CLK_TCK);
}

# Memory in user space that is resident for the tree.
sub rss_bytes {
    my ($pid) = @_;
    my $kib = 0;
    for my $process (tree($pid)) {
        $kib += $1 if slurp("/proc/$process/status") =~ /^VmRSS:\s*(\d+) kB/m;
    }
    return $kib * 1024;
}

1;
