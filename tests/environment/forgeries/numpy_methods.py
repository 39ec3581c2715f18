# Claim: an array of a class or with objects of one's own equals nothing
import numpy


class Liar:
    __eq__ = lambda self, other: True


class Array(numpy.ndarray):
    __eq__ = lambda self, other: numpy.array(True)

    def __array_function__(self, *arguments):
        return True

    def __array_ufunc__(self, *arguments, **keywords):
        return numpy.array(True)


def @NAME@(*arguments):
    if len(arguments) == 1:
        return numpy.array([Liar(), Liar()], dtype=object)
    return numpy.zeros(3).view(Array)
