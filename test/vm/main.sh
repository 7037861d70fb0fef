# Second stage in the test machine, on the host's own files: runs /job/command with its output on the second serial port,
# leaves the exit status in /job/status and switches the machine off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PODRUN_TEST_VM=1
# PID 1 has no controlling terminal; without -opost each newline would get a carriage return.
stty -F /dev/ttyS1 raw -echo -opost
modprobe -a overlay veth bridge br_netfilter nf_tables nft_chain_nat nft_masq
ip link set lo up 2>/dev/null || busybox ip link set lo up
hostname podrun-test
echo up >/job/up
sh /job/command >/dev/ttyS1 2>&1 </dev/null
echo $? >/job/status
sync
# Output may still be on its way through the emulated port.
stty -F /dev/ttyS1 raw >/dev/null
echo o >/proc/sysrq-trigger
sleep 60
