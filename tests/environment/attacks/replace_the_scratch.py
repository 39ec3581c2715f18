# Claim: the scratch space itself can't be moved, replaced or made a link
# Value: []
import os

done = []
for what in (
    lambda: os.rename("/tmp", "/tmp2"),
    lambda: os.rmdir("/tmp"),
    lambda: os.symlink("/", "/tmp"),
    lambda: os.rename("/tmp", "/dev/shm"),
    lambda: os.unlink("/dev/shm"),
    lambda: os.chmod("/", 0o777),
    lambda: os.mkdir("/tmp/../planted"),
):
    try:
        what()
        done.append(what.__code__.co_names)
    except OSError:
        pass
done
