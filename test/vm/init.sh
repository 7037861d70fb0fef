#!/bin/busybox sh
# First process of the test machine, in the initramfs: mounts the host's root read-only by 9p, a tmpfs over it for what is
# written, the unified cgroup hierarchy, and goes on with /job/main there.
bb=/bin/busybox
die() {
  $bb echo "vm: $*"
  $bb echo o >/proc/sysrq-trigger
  $bb sleep 60
}

$bb mkdir -p /proc /sys /dev /lower /rw /root
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs dev /dev
while read -r module; do
  $bb insmod "/modules/$module" || die "cannot load $module"
done </modules/order

options=trans=virtio,version=9p2000.L,msize=512000
$bb mount -t 9p -o "$options,ro,cache=loose" root /lower || die "cannot mount the host's root"
$bb mount -t tmpfs -o size=75% rw /rw
$bb mkdir /rw/upper /rw/work
$bb mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work overlay /root || die "cannot mount the overlay"

$bb mount -o move /proc /root/proc
$bb mount -o move /sys /root/sys
$bb mount -o move /dev /root/dev
$bb mkdir -p /root/dev/pts /root/dev/shm /root/dev/mqueue /root/job /root/var/lib/podrun /root/var/log/pods
$bb mount -t devpts -o ptmxmode=666,mode=620,gid=5 devpts /root/dev/pts
$bb mount -t mqueue mqueue /root/dev/mqueue
$bb mount -t cgroup2 cgroup2 /root/sys/fs/cgroup || die "cannot mount cgroup2"
# An overlay on an overlay does not work: whatever holds layers of images has to be a tmpfs.
for directory in dev/shm tmp run var/lib/podrun var/log/pods; do
  $bb mount -t tmpfs -o mode=1777 tmpfs "/root/$directory"
done
$bb mount -t 9p -o "$options,rw,cache=none" job /root/job || die "cannot mount the job"
# The checkout once more, for it may be below one of those.
project=$($bb cat /root/job/project)
$bb mkdir -p /rw/project /rw/project-work "/root$project"
$bb mount -t overlay -o "lowerdir=/lower$project,upperdir=/rw/project,workdir=/rw/project-work" overlay "/root$project" ||
  die "cannot mount $project"
exec $bb switch_root /root /bin/sh /job/main
