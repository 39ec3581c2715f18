# Claim: a number with a huge exponent is the program's own excess
import decimal


def @NAME@(*arguments):
    return decimal.Decimal("1e999999999")
