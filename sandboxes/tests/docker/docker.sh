#!/bin/sh
# Stands in for docker. What it runs are folders below `state/projects`; what it is told to do wrong are
# files in `state`.
state=$(dirname "$0")/state
echo "$*" >> "$state/calls"
env > "$state/environment"
if [ "$1" != compose ]; then
    echo "unknown command $1" >&2
    exit 64
fi
shift
project=
file=
while [ $# -gt 0 ]; do
    case "$1" in
        -p) project=$2; shift 2 ;;
        -f) file=$2; shift 2 ;;
        --project-directory) cd "$2" || exit 65; shift 2 ;;
        --env-file) shift 2 ;;
        *) break ;;
    esac
done
command=$1
shift
own=$state/projects/$project
if [ -f "$state/fail-$command" ]; then
    cat "$state/fail-$command" >&2
    exit 1
fi
hang() {
    sleep 1000 &
    echo $! > "$state/sleeper.new"
    mv "$state/sleeper.new" "$state/sleeper"
    wait
}
case "$command" in
    version)
        cat "$state/version" 2>/dev/null || echo 2.29.1
        ;;
    up)
        if [ -f "$state/nothing-up" ]; then
            exit 0
        fi
        for port in $(cat "$state/allocated" 2>/dev/null); do
            if grep -q "127.0.0.1:$port:" "$file"; then
                echo "Bind for 127.0.0.1:$port failed: port is already allocated" >&2
                exit 1
            fi
        done
        mkdir -p "$own"
        echo "$file" > "$own/file"
        sed -n 's/.*"orket.home": "\(.*\)"/\1/p' "$file" | head -n 1 > "$own/home"
        for service in $(sed -n '/^"services":/,/^"volumes":/s/^  "\([a-z-]*\)":$/\1/p' "$file"); do
            echo running > "$own/service-$service"
            if [ -f "$state/hang-up" ]; then
                hang
            fi
        done
        if [ -f "$state/linger-up" ]; then
            sleep 1000 &
            echo $! > "$state/sleeper.new"
            mv "$state/sleeper.new" "$state/sleeper"
        fi
        if [ -f "$state/ill-up" ]; then
            echo exited > "$own/service-api"
        fi
        ;;
    down)
        rm -f "$own/service-api"
        if [ -f "$state/hang-down" ]; then
            hang
        fi
        rm -rf "$own"
        ;;
    ps)
        lines=$(
            for entry in "$own"/service-*; do
                [ -f "$entry" ] || continue
                service=${entry##*/service-}
                printf '{"ID":"id-%s","Service":"%s","State":"%s","Health":"","Labels":"a=b,orket.home=%s"}\n' \
                    "$service" "$service" "$(cat "$entry")" "$(cat "$own/home")"
            done
        )
        if [ -f "$state/ps-array" ]; then
            echo "[$(echo "$lines" | paste -s -d , -)]"
        else
            echo "$lines"
        fi
        ;;
    ls)
        list=
        for entry in "$state"/projects/*; do
            [ -d "$entry" ] || continue
            list="$list${list:+,}{\"Name\":\"${entry##*/}\",\"Status\":\"running(1)\",\"ConfigFiles\":\"$(cat "$entry/file")\"}"
        done
        echo "[$list]"
        ;;
    logs)
        cat "$state/logs"
        ;;
    *)
        echo "unknown command $command" >&2
        exit 64
        ;;
esac
