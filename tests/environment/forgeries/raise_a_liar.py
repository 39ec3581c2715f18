# Claim: an error that lies about its class ends nothing but the test
class Meta(type):
    @property
    def __mro__(cls):
        return (type("SystemExit", (), {}), type("EndOfTest", (), {}), type("GeneratorExit", (), {}))


class Liar(BaseException, metaclass=Meta):
    def __str__(self):
        return "passed"


Liar.__name__ = "SystemExit"


def @NAME@(*arguments):
    raise Liar(0)
