# Claim: a destructor that never ends is not waited for
# Value: 'done'
class A:
    def __del__(self):
        while True:
            pass


a = A()
"done"
