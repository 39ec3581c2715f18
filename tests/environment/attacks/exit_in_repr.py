# Claim: a process that ends while its value is written gave none
# Status: killed
# Hides: 42
import os


class A:
    def __repr__(self):
        os._exit(0)
        return "42"


A()
