# Claim: an error that can't be printed is still an error
# Status: error | killed
class E(BaseException):
    def __str__(self):
        raise SystemExit(0)

    def __getattribute__(self, name):
        raise KeyboardInterrupt


raise E
