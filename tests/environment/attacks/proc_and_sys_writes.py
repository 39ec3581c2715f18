# Claim: nothing of /proc or /sys can be written
# Value: []
import glob
import os

paths = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sysrq-trigger",
    "/proc/self/oom_score_adj",
    "/proc/self/uid_map",
    "/proc/self/mem",
    "/proc/1/oom_score_adj",
    "/proc/planted",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/planted",
    *glob.glob("/sys/**", recursive=True),
]
written = []
for path in paths:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        written.append(path)
    except OSError:
        pass
written
