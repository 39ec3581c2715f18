# Claim: a repr that is no plain string can't fool the runner
# Status: ok
class Text(str):
    def __len__(self):
        return 1

    def __str__(self):
        raise SystemExit(0)


class A:
    def __repr__(self):
        return Text("x" * 100_000)


A()
