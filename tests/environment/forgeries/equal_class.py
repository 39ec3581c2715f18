# Claim: a class whose class calls it equal to every other is not taken for a builtin one
class Meta(type):
    __eq__ = lambda self, other: True
    __hash__ = type.__hash__
    __instancecheck__ = __subclasscheck__ = lambda self, other: True


class Thing(metaclass=Meta):
    __eq__ = lambda self, other: True
    __class__ = int


def @NAME@(*arguments):
    return Thing()
