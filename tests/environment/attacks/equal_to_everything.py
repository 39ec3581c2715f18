# Claim: an object that equals everything arrives as its text only
# Value: anything
class Anything:
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __repr__(self):
        return "anything"


Anything()
