# Runs a server in a temporary folder on behalf of a test process: `"$@"` is the script that prepares
# it, the one that becomes it, and the arguments of both. Orders come line by line; when they end, the test process is gone
# or done with the server: kill it and remove the folder.

# Only the end of the orders ends this. HUP is what the kernel sends to an orphaned group in which
# a process is stopped: the very moment at which there is something to clean up.
trap '' HUP INT QUIT TERM PIPE

# A folder that this user may not write to, or a name too long for a unix socket, is of no use.
[ "${#TMPDIR}" -le 60 ] || TMPDIR=
folder=$(mktemp -d "${TMPDIR:-/tmp}/lockout-test-XXXXXXXX") ||
    folder=$(mktemp -d /tmp/lockout-test-XXXXXXXX) || exit
cd "$folder" || exit
# Some servers tidy up the temporary files of others.
export TMPDIR="$folder/tmp"
mkdir tmp || exit
echo "$folder"

prepare=$1
become=$2
shift 2
pid=

# The number and the state of each process of the server: the first, those in its session, and its
# children, since PostgreSQL's have sessions of their own.
family() {
    grep -hsE "^$pid |\) . ($pid|[0-9]+ [0-9]+ $pid) " /proc/[0-9]*/stat |
        sed -E 's/^([0-9]+) .*\) (.) .*/\1 \2/'
}

# Whether the number is still that of our child, be it a dead one.
is_ours() {
    [ -n "$pid" ] && grep -qs ") . $$ " "/proc/$pid/stat"
}

# Stops all. One that was being born while the others were listed is found by listing again.
freeze() {
    now=
    while
        before=$now
        now=$(family)
        awake=$(echo "$now" | sed -n '/ [TtZX]$/!s/ .*//p')
        [ -n "$awake" ] || [ "$now" != "$before" ]
    do
        if [ -n "$awake" ]; then
            kill -STOP $awake
            sleep 0.002
        fi
    done
}

# Kills all, the first last: as long as it is there and stopped, no number of its children can go to
# another process.
stop() {
    [ -n "$pid" ] || return
    children=
    if is_ours; then
        freeze
        children=$(echo "$now" | sed -n "/^$pid /!s/ .*//p")
        [ -z "$children" ] || kill -9 $children
        while family | grep -v "^$pid " | grep -qv ' [ZX]$'; do
            sleep 0.002
        done
        kill -9 "$pid"
    fi
    wait "$pid"
    # What a killed PostgreSQL leaves to the kernel.
    while read -r key segment mode size creator last attached rest; do
        case " $pid $(echo $children) " in *" $creator "*)
            [ "$attached" != 0 ] || ipcrm -m "$segment"
            ;;
        esac
    done </proc/sysvipc/shm
    pid=
}

while read -r order; do
    case $order in
    start)
        stop
        # Never killed half-way: PostgreSQL's would leave memory in /dev/shm that names nobody.
        /bin/sh -c "$prepare" "$@" </dev/null >>log 2>&1
        setsid /bin/sh -c "$become" "$@" </dev/null >>log 2>&1 &
        pid=$!
        echo "$pid"
        ;;
    stop)
        stop
        echo stopped
        ;;
    pause)
        ! is_ours || freeze
        echo paused
        ;;
    resume)
        ! is_ours || kill -CONT $(family | sed 's/ .*//')
        echo resumed
        ;;
    esac
done

stop
cd /
# A second try for what children of the server wrote in its last moment.
rm -rf "$folder" || {
    sleep 1
    rm -rf "$folder"
}
