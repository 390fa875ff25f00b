# Runs `"$@"` in a temporary folder on behalf of a test process. Orders come line by line; when they
# end, the test process is gone or done with the server: kill it and remove the folder.

# Only the end of the orders ends this. HUP is what the kernel sends to an orphaned group in which
# a process is stopped: the very moment at which there is something to clean up.
trap '' HUP INT QUIT TERM PIPE

folder=$(mktemp -d "${TMPDIR:-/tmp}/lockout-test-XXXXXXXX") || exit
cd "$folder" || exit
echo "$folder"

pid=
stop() {
    if [ -n "$pid" ]; then
        kill -9 "$pid"
        # Not yet waited for, so the number cannot have gone to another process before.
        wait "$pid"
        pid=
    fi
}

while read -r order; do
    case $order in
    start)
        stop
        if command -v "$1" >/dev/null; then
            "$@" </dev/null >>log 2>&1 &
            pid=$!
            echo "$pid"
        else
            echo missing
        fi
        ;;
    stop)
        stop
        echo stopped
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
