#!/usr/bin/env bash
# Test gluonblocks on ARM, on a machine that need not have an ARM processor.
#
# The script runs the steps of the Dockerfile in an arm64 Debian in FOLDER, then the doctor, the
# self-check of the C++ operators, one epoch, an export to ONNX, and the tests of blocks and models.
# On another processor, qemu emulates ARM; the whole then takes hours. Each step that passes is
# recorded in FOLDER. If the script is interrupted, run it again: it continues with the next step.
# The results are in FOLDER/arm.txt.
#
# It needs root, and on Debian or Ubuntu: apt-get install debootstrap qemu-user-static
# Mounts and processes end with the script. It registers qemu with the kernel (binfmt_misc) only if
# that has not been done yet, and then removes the registration.
#
# usage: scripts/arm.sh [FOLDER]      (default: /var/tmp/gluonblocks-arm)
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath -m "${1:-/var/tmp/gluonblocks-arm}")
root=$folder/root
binfmt=/proc/sys/fs/binfmt_misc

fail() { echo "error: $*" >&2; exit 1; }

# The outer part: emulation, then the inner part in namespaces of its own, which take its mounts and
# processes with them when it ends, however it ends.
run_in_namespaces() {
    [ "$(id -u)" = 0 ] || fail "debootstrap, mount and chroot need root"
    command -v debootstrap > /dev/null || fail "run first: apt-get install debootstrap"
    mkdir -p "$folder/passed"
    exec 9> "$folder/lock"
    flock -n 9 || fail "another $0 is running in $folder"
    inner= mounted= registered=
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    [ "$(uname -m)" = aarch64 ] || emulate
    INSIDE=1 unshare --mount --pid --fork --kill-child "$0" "$folder" &
    inner=$!
    wait "$inner"
}

emulate() {
    local rule=/usr/lib/binfmt.d/qemu-aarch64.conf
    if [ ! -e $binfmt/register ]; then
        mount -t binfmt_misc binfmt_misc $binfmt
        mounted=1
    fi
    if [ ! -e $binfmt/qemu-aarch64 ]; then
        [ -e $rule ] || fail "run first: apt-get install qemu-user-static"
        cat $rule > $binfmt/register
        registered=1
    fi
    # Without the flag F, the chroot would need qemu inside.
    grep -q '^flags:.*F' $binfmt/qemu-aarch64 || fail "qemu-aarch64 is registered without flag F"
}

clean_up() {
    if [ "$inner" ] && kill -0 "$inner" 2> /dev/null; then
        kill -9 "$inner"  # and with it, all of its namespace
        wait "$inner" 2> /dev/null || true
    fi
    [ ! "$registered" ] || echo -1 > $binfmt/qemu-aarch64
    [ ! "$mounted" ] || umount $binfmt
}

# The inner part.
in_root() {  # run the shell command $2 in the folder $1 of the chroot
    local settings=(HOME=/root LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin) name
    for name in PIP_INDEX_URL PIP_CERT http_proxy https_proxy no_proxy; do
        [ ! "${!name:-}" ] || settings+=("$name=${!name}")
    done
    chroot "$root" /usr/bin/env -i "${settings[@]}" sh -ec "mkdir -p $1; cd $1; $2" < /dev/null
}

step() {  # run the command $2... unless the step $1 has passed
    local name=$1 begun=$SECONDS
    shift
    if [ ! -e "$folder/passed/$name" ]; then
        echo "== $name"
        if ! "$@" > "$folder/$name.log" 2>&1; then
            tail -n 30 "$folder/$name.log"
            fail "$name failed; all it printed is in $folder/$name.log"
        fi
        echo "$((SECONDS - begun))" > "$folder/passed/$name"
    fi
    echo "$name: passed in $(cat "$folder/passed/$name") s"
}

bootstrap() {
    rm -rf "$root"
    debootstrap --arch=arm64 --variant=minbase --foreign \
        "$(sed -n 's/^FROM debian:\([a-z]*\)-slim$/\1/p' "$repository/Dockerfile")" "$root"
    in_root / "/debootstrap/debootstrap --second-stage"
}

follow_dockerfile() {  # carry out RUN, COPY and WORKDIR of the Dockerfile as a builder would
    local word rest place=/
    while read -r word rest; do
        case $word in
            RUN) echo "RUN $rest"; in_root $place "$rest" ;;
            COPY) tar -C "$repository" --exclude=__pycache__ -c ${rest% *} |
                  tar -C "$root$place" --no-same-owner -x ;;
            WORKDIR) place=$rest; mkdir -p "$root$place" ;;
        esac
    done < <(sed -e ':join' -e '/\\$/{N;s/ *\\\n */ /;b join' -e '}' "$repository/Dockerfile")
}

copy_repository() {
    rm -rf "$root/repository"
    mkdir "$root/repository"
    git -C "$repository" ls-files -z | tar -C "$repository" --null -T - -c | tar -C "$root/repository" --no-same-owner -x
    in_root /repository "/venv/bin/pip install '.[test-basic]'"
}

check_operators() {
    in_root /work "/venv/bin/python -c '
from gluonblocks.graphs.operators import status
print(status())
assert status().ready'"
}

run_steps() {
    # Certificates and name servers of this machine, in case it has its own.
    step debian bootstrap
    mkdir -p "$root/etc/ssl/certs"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    [ ! -e "${PIP_CERT:-/none}" ] || install -D "$PIP_CERT" "$root$PIP_CERT"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    step dockerfile follow_dockerfile
    step doctor in_root /work "/venv/bin/gluonblocks doctor"
    step operators check_operators
    step train in_root /work "/venv/bin/gluonblocks train --model lenet_bn --dataset synthetic \
        --epochs 1 --seed 0 --out runs/arm"
    step onnx in_root /work "/venv/bin/gluonblocks export runs/arm --format onnx"
    step repository copy_repository
    step tests in_root /repository "/venv/bin/python -m pytest tests/blocks tests/models"
}

if [ "${INSIDE:-}" ]; then run_steps; else run_in_namespaces; fi
