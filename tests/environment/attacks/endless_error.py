# Claim: an error whose text never ends is stopped
# Status: time
class E(Exception):
    def __str__(self):
        while True:
            pass


raise E
