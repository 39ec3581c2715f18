# Claim: a wrong answer stays wrong, whatever the program does after it
import threading


def spin():
    while True:
        pass


def @NAME@(*arguments):
    threading.Thread(target=spin).start()
    return "wrong"
