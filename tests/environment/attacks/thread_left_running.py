# Claim: a thread that goes on after the last line neither holds nor changes the answer
# Value: 'first'
import threading


def later():
    global answer
    while True:
        answer = "second"


answer = "first"
given = answer
threading.Thread(target=later).start()
given
