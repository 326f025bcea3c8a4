# What the lab needs of the machine itself: the hypervisor, the network tools, what the guest is made of.

# Under emulation, QEMU before 9 corrupts a guest's memory in a live move.
qemu_minimum=9

# command, Debian package, what for
tools=(
  "sshd openssh-server the sites' ssh daemons"
  "ssh openssh-client keys of sites and controller"
  "ip iproute2 namespaces, links and tunnels"
  "nft nftables the tunnel's admission of one site only"
  "nbdkit nbdkit the disk's way to the other site"
  "busybox busybox-static the guest's userland"
  "cpio cpio the guest's first filesystem"
  "mkfs.ext4 e2fsprogs the guest's data disk"
  "ethtool ethtool offloads of emulated links"
  "gcc gcc the guest's application"
  "python3 python3 what stands beside a hypervisor"
  "ping iputils-ping one of the measures of downtime"
  "openssl openssl certificates of the domains"
  "xz xz-utils the guest's kernel modules"
  "zstd zstd the guest's kernel modules"
  "modprobe kmod kernel modules of links and filters"
  "ps procps what runs at a site"
)
# Packages without a command of their own.
libraries=(libc6-dev ca-certificates)

provide_machine() {
  if has_apt; then
    provide_packages
    provide_qemu
    provide_kernel
    provide_browser
    provide_model_checker
  fi
  refuse_if_incomplete
  # sshd wants its empty directory; the service that makes it does not run here.
  install -d -m 755 /run/sshd
}

provide_packages() {
  local line command package use missing keep_sshd_off=
  local packages=("${libraries[@]}")
  for line in "${tools[@]}"; do
    read -r command package use <<<"$line"
    packages+=("$package")
  done
  missing=$(missing_of "${packages[@]}")
  [ -n "$missing" ] || return 0
  [[ $'\n'$missing$'\n' == *$'\nopenssh-server\n'* ]] && keep_sshd_off=yes
  # shellcheck disable=SC2086
  install_packages "the lab's tools" $missing
  if [ -n "$keep_sshd_off" ]; then disable_system_sshd; fi
}

# The lab starts daemons of its own inside its sites: the machine must not begin to listen because of it.
disable_system_sshd() {
  say "leaving the machine's own sshd off: only the lab's sites have one"
  if command -v systemctl >/dev/null; then
    systemctl disable ssh.service ssh.socket >/dev/null 2>&1 || true
  elif command -v update-rc.d >/dev/null; then
    update-rc.d ssh disable >/dev/null 2>&1 || true
  fi
}

qemu_version() { qemu-system-x86_64 --version 2>/dev/null | sed -n 's/.*version \([0-9.]*\).*/\1/p'; }

provide_qemu() {
  at_least "$qemu_minimum" "$(qemu_version)" && command -v qemu-img >/dev/null && return
  install_at_least "1:$qemu_minimum" "QEMU $qemu_minimum or newer moves the guest" qemu-system-x86 qemu-utils
}

# has_kernel: a kernel in /boot together with its modules, installed or running alike.
has_kernel() {
  local image
  for image in /boot/vmlinuz-*; do
    [ -r "$image" ] && [ -r "/lib/modules/${image#/boot/vmlinuz-}/modules.dep" ] && return
  done
  return 1
}

# A machine that has a kernel keeps its choice: one more would stand in its boot menu.
provide_kernel() {
  has_kernel && return
  local package=linux-image-cloud-amd64
  (. /etc/os-release && [ "$ID" = debian ]) || package=linux-image-virtual
  install_packages "the guest boots the distribution's kernel" "$package"
}

# Only tests need it, so that a distribution without such a package (Ubuntu has it outside of apt) still runs the rest.
provide_browser() {
  [ -x /usr/bin/chromium ] && return
  fresh_lists
  if offers 0 chromium; then
    install_packages "the tests open the report of a move in it" chromium
  else
    say "no chromium here: without /usr/bin/chromium the tests of the report fail, all else works"
  fi
}

# As the browser: only tests need it.
provide_model_checker() {
  command -v spin >/dev/null && return
  fresh_lists
  if offers 0 spin; then
    install_packages "the tests check the switchover's protocol with it" spin
  else
    say "no spin here: without it the tests of the switchover's model fail, all else works"
  fi
}

# Says all that is missing at once, for a person who must install it by hand.
refuse_if_incomplete() {
  local line command package use missing=()
  for line in "${tools[@]}"; do
    read -r command package use <<<"$line"
    command -v "$command" >/dev/null || missing+=("$command ($package in Debian): $use")
  done
  at_least "$qemu_minimum" "$(qemu_version)" && command -v qemu-img >/dev/null ||
    missing+=("qemu-system-x86_64 and qemu-img, version $qemu_minimum or newer: the hypervisor")
  has_kernel || missing+=("a distribution kernel in /boot with its modules in /lib/modules: the guest's")
  [ ${#missing[@]} = 0 ] && return
  printf 'setup: missing: %s\n' "${missing[@]}" >&2
  fail "install what is missing (on Debian 12, Ubuntu 25.04 and newer this script does it by itself) and start again"
}
