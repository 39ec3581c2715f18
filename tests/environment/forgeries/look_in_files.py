# Claim: no test is in any file that the program can read
import os


def @NAME@(*arguments):
    for folder in ("/", "/tmp", "/dev/shm", "/proc", "/proc/self", "/proc/self/fd", "/var", "/home", "/root", "/run"):
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            try:
                if os.path.isfile(path) and "assert" in open(path, errors="replace").read(10000):
                    return 5
            except OSError:
                pass
    return None
