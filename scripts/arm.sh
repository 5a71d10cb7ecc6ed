#!/usr/bin/env bash
# Test gluonblocks on an ARM processor, which is emulated if the machine has a different one.
#
# The script follows the Dockerfile in an arm64 Debian that it installs in FOLDER. It then runs the
# doctor, the self-check of the C++ operators, one epoch of training, an export to ONNX, and the
# tests of blocks and models, and writes results/arm.txt. With emulation by qemu, this takes an hour.
# If the script is interrupted, run it again: it repeats a step that has passed only if the step's
# command or the package has changed.
#
# The script needs root, and on Debian or Ubuntu: apt-get install debootstrap qemu-user-static
# When it exits, it kills its processes and removes its mounts, but keeps FOLDER. If qemu is not
# registered with the kernel (binfmt_misc), the script registers it until it exits.
#
# usage: scripts/arm.sh [FOLDER]      (default: /var/tmp/gluonblocks-arm)
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
case "${1-}" in
    -*) sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2 ;;
esac
folder=$(realpath -m "${1:-/var/tmp/gluonblocks-arm}")
root=$folder/root
binfmt=/proc/sys/fs/binfmt_misc
processor=${QEMU_CPU:-cortex-a76}  # processor to emulate; the default is in a Raspberry Pi 5

fail() { echo "error: $*" >&2; exit 1; }

# The outer part sets up the emulation, then runs the inner part in separate namespaces, so that the
# kernel removes its mounts and processes when it exits, for whatever reason.
run_in_namespaces() {
    [ "$(id -u)" = 0 ] || fail "debootstrap, mount and chroot need root"
    command -v debootstrap > /dev/null || fail "debootstrap is missing: apt-get install debootstrap"
    mkdir -p "$folder/passed"
    exec 9> "$folder/lock"
    flock -n 9 || fail "another $0 is running in $folder"
    inner='' mounted='' registered='' emulator=''
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    [ "$(uname -m)" = aarch64 ] || emulate
    INSIDE=1 emulator=$emulator unshare --mount --pid --fork --kill-child "$0" "$folder" &
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
        [ -e $rule ] || fail "qemu is missing: apt-get install qemu-user-static"
        cat $rule > $binfmt/register
        registered=1
    fi
    emulator=", $processor emulated by $(qemu-aarch64-static --version | head -n 1) on $(uname -m)"
    # Without flag F, qemu would have to be installed in the chroot.
    grep -q '^flags:.*F' $binfmt/qemu-aarch64 || fail "qemu-aarch64 is registered without flag F"
}

clean_up() {
    if [ "$inner" ] && kill -0 "$inner" 2> /dev/null; then
        kill -9 "$inner"  # the kernel then kills all processes in its namespace
        wait "$inner" 2> /dev/null || true
    fi
    [ ! "$registered" ] || echo -1 > $binfmt/qemu-aarch64
    [ ! "$mounted" ] || umount $binfmt
}

# The inner part.
in_root() {  # run the shell command $2 in folder $1 of the chroot
    local name settings=(HOME=/root LC_ALL=C.UTF-8 QEMU_CPU="$processor" PIP_NO_COMPILE=1
                         PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin)
    for name in PIP_INDEX_URL http_proxy https_proxy no_proxy; do
        [ ! "${!name:-}" ] || settings+=("$name=${!name}")
    done
    chroot "$root" /usr/bin/env -i "${settings[@]}" sh -ec "mkdir -p $1; cd $1; $2"
}

step() {  # run command $2... as step $1, unless this step has already passed with the same command
    local name=$1 log=$folder/$1.log passed=$folder/passed/$1 begun=$SECONDS
    shift
    if [ "$(head -n 1 "$passed" 2> /dev/null)" != "$* $sources" ]; then
        echo "$name: running, see $log"
        rm -f "$passed"
        "$@" > "$log" 2>&1 < /dev/null || { tail -n 30 "$log" >&2; fail "$name failed: $log"; }
        printf '%s\n' "$* $sources" "$((SECONDS - begun))" > "$passed"
        [ ! "$sources" ] || report
    fi
    echo "$name: passed in $(tail -n 1 "$passed") s"
}

bootstrap() {  # install Debian $1
    # Join the commands with `&&`, because `step` calls this function in a condition, where `set -e`
    # is off.
    rm -rf "$root" "$folder"/passed/* &&
        debootstrap --arch=arm64 --variant=minbase --foreign "$1" "$root" &&
        echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/unsafe-io" &&  # as in container images
        in_root / "/debootstrap/debootstrap --second-stage"
}

follow_dockerfile() {  # execute the Dockerfile's FROM, RUN, COPY and WORKDIR as Docker would
    local word rest workdir=/ number=0
    while read -r word rest; do
        case $word in
            FROM)
                rest=${rest#debian:}
                step debian bootstrap "${rest%-slim}"
                prepare_chroot ;;
            RUN) step dockerfile-$((++number)) in_root "$workdir" "$rest" ;;
            COPY)  # the Dockerfile copies only files and folders that keep their names
                # shellcheck disable=SC2086
                tar -C "$repository" --exclude=__pycache__ -c ${rest% *} | unpack "$workdir"
                sources=$(cd "$repository" && git ls-files -z gluonblocks tests pyproject.toml |
                          xargs -0 sha256sum | sha256sum) ;;
            WORKDIR) workdir=$rest; mkdir -p "$root$workdir" ;;
        esac
    done < <(sed -e ':join' -e '/\\$/{N;s/ *\\\n */ /;b join' -e '}' "$repository/Dockerfile")
}

unpack() { tar -C "$root$1" --no-same-owner -x; }

prepare_chroot() {
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    # Copy this machine's certificates, because update-ca-certificates takes a quarter of an hour
    # when emulated.
    install -D /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    ln -sf /bin/true "$root/usr/local/sbin/update-ca-certificates"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    # With qemu 7.2, unlike 10.0, /proc/cpuinfo describes this machine's processor. ONNX Runtime
    # crashes if ARM's fields are missing (https://github.com/pytorch/cpuinfo/pull/398).
    if ! in_root / "grep -q '^CPU part' /proc/cpuinfo"; then
        describe_processors > "$folder/cpuinfo"
        mount --bind "$folder/cpuinfo" "$root/proc/cpuinfo"
    fi
    in_root / "dpkg --configure -a"  # in case apt-get was interrupted
}

describe_processors() {  # print the /proc/cpuinfo of a Cortex-A76
    local number
    for ((number = 0; number < $(nproc); number++)); do
        printf '%s\t: %s\n' processor $number \
            Features 'fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp asimdrdm asimddp' \
            'CPU implementer' 0x41 'CPU architecture' 8 'CPU variant' 0x4 'CPU part' 0xd0b \
            'CPU revision' 1
        echo
    done
}

copy_repository() {
    rm -rf "$root/repository"
    mkdir "$root/repository"
    (cd "$repository" && git ls-files -z | tar --null -T - -c) | unpack /repository
}

report() {  # write results/arm.txt from the logs of the steps that have passed
    local name
    {
        echo "gluonblocks at commit $(git log -1 --format=%h -- gluonblocks), $(date +%F)"
        in_root / ". /etc/os-release; echo \"\$PRETTY_NAME, \$(uname -m)$emulator\""
        for name in doctor operators train onnx; do
            [ -e "$folder/passed/$name" ] || continue
            printf '\n%s, %s s:\n' "$name" "$(tail -n 1 "$folder/passed/$name")"
            grep -v -e '^info system ' -e '^info variables ' "$folder/$name.log"  # they describe the host
        done
        printf '\ntests:\n'
        for name in "${tests[@]}"; do
            [ -e "$folder/passed/$(basename "$name" .py)" ] || continue
            echo "$name: $(tail -n 1 "$folder/$(basename "$name" .py).log")"
        done
    } > "$folder/arm.txt"
    cp "$folder/arm.txt" results/arm.txt
}

run_steps() {
    local python=/venv/bin/python name sources='' tests
    cd "$repository"
    # Tests that need GluonCV are omitted, because it is not installed.
    tests=(tests/test_arm.py tests/blocks/test_*.py
           tests/models/test_{lenet_variants,summary,papers,registry,all_models}.py)
    follow_dockerfile
    step doctor in_root /work "/venv/bin/gluonblocks doctor"
    step operators in_root /work "$python -c 'from gluonblocks.graphs import operators; \
        print(operators.status()); assert operators.status().ready'"
    step train in_root /work "rm -rf runs; /venv/bin/gluonblocks train --model lenet_bn \
        --dataset synthetic --epochs 1 --seed 0 --out runs/arm"
    step onnx in_root /work "/venv/bin/gluonblocks export runs/arm --format onnx"
    copy_repository
    step pytest in_root /repository "/venv/bin/pip install '.[test-basic]' 'numpy<2'"
    for name in "${tests[@]}"; do
        # Omit ResNets and DenseNets: in test_registry, their tests (4 of 40) take 8 minutes.
        case $name in
            */test_papers.py) name+=" -m 'not gluoncv'" ;;
            */test_all_models.py | */test_registry.py) name+=" -k 'not resnet and not densenet'" ;;
        esac
        step "$(basename "${name%% *}" .py)" in_root /repository \
            "$python -m pytest -n0 -q $name || [ \$? = 5 ]"  # 5: all tests were skipped
    done
}

if [ "${INSIDE:-}" ]; then run_steps; else run_in_namespaces; fi
