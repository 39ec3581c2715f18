"""Text to nodes: LaTeX, plain notation and Python's, by one grammar.

In:  a normalised text (`mathematics.normalise`), at most a thousand characters. Out: a node of `expressions`.
Raises `UnreadableError` for what is no mathematics, `UnsupportedError` for mathematics beyond the grammar.
Always true: nothing is computed, the time is linear in the text but for each sign ±, which reads its item twice.

Where the notations disagree: a number after ^ counts whole (x^10 is the tenth power); 1/2x is half of x; letters in
a row are a product; a letter f, g, h, F, G or H before a bracket is a function; a bracketed pair may be a point or an
interval, which only its partner in a comparison can tell.
"""

from __future__ import annotations

from fractions import Fraction

from preftree.verify.expressions import (
    Apply,
    Bracketed,
    Combined,
    Constant,
    Degrees,
    Letter,
    Listing,
    Matrix,
    Node,
    Number,
    Power,
    Product,
    Quotient,
    Ratio,
    Relation,
    Sum,
    UnsupportedError,
    is_scalar,
)
from preftree.verify.reading import places_of
from preftree.verify.tokens import BARE_FUNCTIONS, CONSTANTS, GREEK, PLAIN_FUNCTIONS, STRUCTURES, fail, tokenise

_MAX_NESTING = 50
_MAX_LAYERS = 100
_MATRICES = {"pmatrix", "bmatrix", "Bmatrix", "matrix", "smallmatrix", "array"}

_SIGNS = {
    "=": "=", "==": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "\\lt": "<", "\\gt": ">",
    "\\le": "<=", "\\leq": "<=", "\\leqslant": "<=", "\\ge": ">=", "\\geq": ">=", "\\geqslant": ">=",
    "\\ne": "!=", "\\neq": "!=", "\\approx": "~", "\\in": "in", "\\equiv": "=",
}  # fmt: skip
_SET_SIGNS = {"\\cup": "union", "\\cap": "intersection", "\\setminus": "difference", "\\backslash": "difference"}
_TIMES = {"*", "\\cdot", "\\times", "\\ast"}
_OVER = {"/", "\\div"}
_CLOSING = {
    "(": (")", "]"), "[": ("]", ")"), "|": ("|",), "\\lvert": ("\\rvert",), "\\lfloor": ("\\rfloor",),
    "\\lceil": ("\\rceil",), "\\langle": ("\\rangle",), "{": ("}",), "\\{": ("\\}",),
}  # fmt: skip
_AROUND = {"|": "abs", "\\lvert": "abs", "\\lfloor": "floor", "\\lceil": "ceil"}

_INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
_CALLED_LETTERS = frozenset("fghFGH")
_DOTS = {"...", "\\ldots", "\\dots", "\\cdots"}
# What these mark is named, not computed.
_MARKED = {
    "\\overline": "line", "\\bar": "line", "\\vec": "arrow", "\\overrightarrow": "arrow", "\\hat": "hat",
    "\\widehat": "hat", "\\tilde": "tilde", "\\underline": "below",
}  # fmt: skip
_FIGURES = {"\\triangle", "\\angle"}
_REALS = Bracketed("(", (Product((Number(Fraction(-1)), Constant("oo"))), Constant("oo")), ")")
_EMPTY = Listing((), braces=True)


def read_notation(text: str, thousands: bool = True) -> Node:
    """The node that the whole text is; without `thousands`, 1,234 is two values."""
    parser = _Parser(tokenise(text, thousands))
    node = parser.listing(top=True)
    if parser.token:
        fail(f"{parser.token} where the end was expected")
    return node


class _Parser:
    """Recursive descent. Each method reads what its name says from `position` on."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0
        self._layers = 0
        self._bars = 0  # open bars |, in which a bar closes
        self._upper = True  # which of the signs ± and ∓ is read
        self._twofold = False

    # ------------------------------------------------------------ tokens

    @property
    def token(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self.token
        self._position += 1
        return token

    def _accept(self, *tokens: str) -> bool:
        if self.token and self.token in tokens:
            self._position += 1
            return True
        return False

    def _expect(self, *tokens: str) -> str:
        if self.token not in tokens:
            fail(f"{self.token or 'the end'} where {' or '.join(tokens)} was expected")
        return self._next()

    def _lengthen(self) -> None:
        """Counts what makes a node deeper without a bracket: 1/2/3/4."""
        self._layers += 1
        if self._layers > _MAX_LAYERS:
            fail("too many fractions and marks")

    # ------------------------------------------------------------ lists, relations, sets

    def listing(self, top: bool = False, braces: bool = False) -> Node:
        """Items between commas; one item is itself."""
        items: list[Node] = []
        while True:
            if not self._accept(",", ";"):  # an empty item, as in "1, 2, and 3"
                items += self._item() if top or braces else [self._relation()]
                if not self._accept(",", ";"):
                    break
            if not self.token or self.token in ("}", "\\}"):
                break
        if not items:
            fail("nothing between the commas")
        return Listing(tuple(items), braces) if braces or len(items) > 1 else items[0]

    def _item(self) -> list[Node]:
        """One value, or the two of `1 ± 2`."""
        start, self._twofold, self._upper = self._position, False, True
        values = [self._relation()]
        if self._twofold:
            self._position, self._upper = start, False
            values.append(self._relation())
        self._twofold = False
        return values

    def _relation(self) -> Node:
        while self._accept("\\approx", "~"):  # "about 8.24"
            pass
        sides, signs = [self._ratio()], []
        while self.token in _SIGNS:
            signs.append(_SIGNS[self._next()])
            sides.append(self._ratio())
        return Relation(tuple(sides), tuple(signs)) if signs else sides[0]

    def _ratio(self) -> Node:
        terms = [self._sets()]
        while self._accept(":"):
            terms.append(self._sets())
        return Ratio(tuple(terms)) if len(terms) > 1 else terms[0]

    def _sets(self) -> Node:
        parts, signs = [self._sum()], []
        while self.token in _SET_SIGNS:
            signs.append(_SET_SIGNS[self._next()])
            parts.append(self._sum())
        return Combined(tuple(parts), tuple(signs)) if signs else parts[0]

    # ------------------------------------------------------------ sums and products

    def _sum(self) -> Node:
        terms = [self._term()]
        while self.token in ("+", "-", "\\pm", "\\mp"):
            terms.append(self._term())
        value = Sum(tuple(_scalars(terms))) if len(terms) > 1 else terms[0]
        if self._accept("\\bmod", "\\mod"):
            return Apply("mod", tuple(_scalars([value, self._sum()])))
        if self._accept("\\pmod"):  # a class of numbers: the remainder, and of what
            value, modulus = _scalars([value, self._argument()])
            return Bracketed("mod", (Apply("mod", (value, modulus)), modulus), "mod")
        return value

    def _signs(self) -> bool:
        """Reads plus and minus signs; True if they make a minus."""
        minus = False
        while self.token in ("+", "-", "\\pm", "\\mp"):
            sign = self._next()
            if sign in ("\\pm", "\\mp"):
                self._twofold = True
                minus ^= (sign == "\\pm") != self._upper
            else:
                minus ^= sign == "-"
        return minus

    def _term(self) -> Node:
        minus = self._signs()
        value = self._power()
        while True:
            if self._accept(*_TIMES):
                value = self._times(value, self._factor())
            elif self._accept(*_OVER):
                self._lengthen()
                value = Quotient(*_scalars([value, self._factor()]))
            elif self._starts_factor():
                value = self._times(value, self._power())
            else:
                break
        return self._negative(value) if minus else value

    def _factor(self) -> Node:
        return self._negative(self._power()) if self._signs() else self._power()

    def _negative(self, value: Node) -> Node:
        if isinstance(value, Number):
            return Number(-value.value, value.places)
        return self._times(Number(Fraction(-1)), value)

    def _times(self, left: Node, right: Node) -> Node:
        if isinstance(right, Matrix) and is_scalar(left):
            return Matrix(tuple(tuple(self._times(left, cell) for cell in row) for row in right.rows))
        left, right = _scalars([left, right])
        factors = left.factors if isinstance(left, Product) else (left,)
        return Product((*factors, right))

    def _starts_factor(self) -> bool:
        token = self.token
        if not token or token in _SIGNS or token in _SET_SIGNS or token[0].isdigit():
            return False
        if token == "|":
            return self._bars == 0
        if token[0].isalpha() or token in ("(", "{", "\\lvert", "\\lfloor", "\\lceil", *_DOTS, *_MARKED, *_FIGURES):
            return True
        commands = ("\\frac", "\\sqrt", "\\binom", "\\infty", "\\mathbf", "\\beginX")
        return token.startswith(commands) or token[1:] in GREEK or token[1:] in BARE_FUNCTIONS or token == "\\pi"

    # ------------------------------------------------------------ powers and what stands after a value

    def _power(self) -> Node:
        value = self._atom()
        while True:
            if self._accept("!"):
                name = "factorial2" if self._accept("!") else "factorial"
                value = Apply(name, tuple(_scalars([value])))
            elif self._accept("^", "**"):
                value = self._raised(value)
            elif self._accept("%"):
                value = Apply("percent", tuple(_scalars([value])))
            else:
                return value
            self._lengthen()

    def _raised(self, base: Node) -> Node:
        if self.token == "\\circ" or self._tokens[self._position : self._position + 3] == ["{", "\\circ", "}"]:
            self._position += 1 if self.token == "\\circ" else 3
            return Degrees(*_scalars([base]))
        if self.token in ("'", "\\prime"):
            fail("a derivative")
        return Power(*_scalars([base, self._exponent()]))

    def _exponent(self) -> Node:
        minus = self._signs()
        value = self._atom()
        if self._accept("^", "**"):
            self._lengthen()
            value = Power(*_scalars([value, self._exponent()]))
        return self._negative(value) if minus else value

    # ------------------------------------------------------------ atoms

    def _atom(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_NESTING:
            fail("nested too deeply")
        value = self._atom_at(self._next())
        self._depth -= 1
        return value

    def _atom_at(self, token: str) -> Node:
        if not token:
            fail("a value is missing at the end")
        if token[0].isdigit() or (token[0] == "." and token not in _DOTS):
            return self._number(token)
        if token in _CLOSING:
            return self._brackets(token)
        name = token[1:] if token[0] == "\\" else token
        if token in ("\\frac", "\\binom"):
            top, bottom = _scalars([self._digit_or_group(), self._digit_or_group()])
            return Quotient(top, bottom) if token == "\\frac" else Apply("binomial", (top, bottom))
        if name in STRUCTURES and token == name:
            return self._structure(name)
        if name in PLAIN_FUNCTIONS or name in BARE_FUNCTIONS:
            return self._function(name)
        if name in CONSTANTS and (len(name) > 1 or token == name):
            return Constant(CONSTANTS[name])
        if token in _DOTS:
            return Letter("...")
        if token in ("Reals", "EmptySet", "\\emptyset", "\\varnothing"):
            return _REALS if token == "Reals" else _EMPTY
        if name[0].isalpha() and (token == name or name.lower() in GREEK or name.startswith(("mathbf", "mathbb"))):
            return self._letter(name)
        if token in _MARKED or token in _FIGURES:
            return Letter(_MARKED.get(token, name) + self._raw())
        if token.startswith("\\beginX"):
            return self._matrix(token.removeprefix("\\beginX"))
        if token[0] == "\\":
            raise UnsupportedError(f"{token} is not read here")
        fail(f"{token} where a value was expected")

    def _number(self, token: str) -> Node:
        value = Number(Fraction(token + "0" if token.endswith(".") else token), places_of(token))
        if token.isdigit():
            part = self._fraction_after()
            if part is not None:
                return Number(value.value + part)
        elif token.endswith(".") and self.token.isdigit():
            fail("a number with a hole")
        if self.token == "_":
            fail("digits in a base")
        if self.token == "j" and self._tokens[self._position + 1 : self._position + 2] != ["^"]:
            self._next()  # Python's imaginary unit
            return Product((value, Constant("i")))
        return value

    def _fraction_after(self) -> Fraction | None:
        """The 1/2 of 3 1/2 or of 3\\frac{1}{2}."""
        tokens = self._tokens[self._position : self._position + 7]
        if len(tokens) == 7 and tokens[0] == "\\frac" and tokens[1::3][:2] == ["{", "{"]:
            top, bottom, length = tokens[2], tokens[5], 7
        elif len(tokens) >= 3 and tokens[1] == "/" and tokens[0].isdigit():
            top, bottom, length = tokens[0], tokens[2], 3
        else:
            return None
        if not (top.isdigit() and bottom.isdigit() and int(top) < int(bottom)):
            return None
        self._position += length
        return Fraction(int(top), int(bottom))

    def _letter(self, name: str) -> Node:
        if self._accept("_"):
            name += "_" + self._raw()
        while self._accept("'"):
            name += "'"
        if name[:1] in _CALLED_LETTERS and self._accept("("):
            return Apply(name, self._arguments())
        if name == "C" and self._tokens[self._position : self._position + 5 : 2] == ["(", ",", ")"]:
            self._next()
            return Apply("binomial", tuple(_scalars(list(self._arguments()))))
        return Letter(name)

    def _raw(self) -> str:
        """The text of one group or token, for a name."""
        if not self._accept("{"):
            return self._next() or fail("a name is missing")
        start, depth = self._position, 1
        while depth:
            token = self._next() or fail("a brace is not closed")
            depth += (token == "{") - (token == "}")
        return " ".join(self._tokens[start : self._position - 1])

    def _argument(self) -> Node:
        """The group or the one token after a command."""
        if self._accept("{"):
            value = self._relation()
            self._expect("}")
            return value
        return self._atom()

    def _digit_or_group(self) -> Node:
        """As `\\frac` takes its arguments: of 12 only the 1."""
        if self.token.isdigit() and len(self.token) > 1:
            digit, self._tokens[self._position] = self.token[0], self.token[1:]
            return Number(Fraction(int(digit)))
        return self._argument()

    def _brackets(self, opening: str) -> Node:
        if opening in ("{", "\\{"):
            return self._braces(opening)
        bars, self._bars = self._bars, self._bars + 1 if opening == "|" else 0
        items = [self._relation()]
        while self._accept(",", ";"):
            if self.token not in _CLOSING[opening]:  # Python's (1,)
                items.append(self._relation())
        closing = self._expect(*_CLOSING[opening])
        self._bars = bars
        if opening in _AROUND:
            return Apply(_AROUND[opening], tuple(_scalars(items))) if len(items) == 1 else fail("a comma in bars")
        if len(items) == 1 and (opening, closing) == ("(", ")"):
            return items[0]
        if opening == "\\langle":
            opening, closing = "(", ")"
        if len(items) == 1 and opening + closing != "[]":
            fail("one value in two kinds of brackets")
        return Bracketed(opening, tuple(items), closing)

    def _braces(self, opening: str) -> Node:
        closing = _CLOSING[opening][0]
        if self._accept(closing):
            return _EMPTY
        if self._accept_unknown():
            solutions = self.listing()
            self._expect(closing)
            return solutions
        upper, twofold = self._upper, self._twofold
        value = self.listing(top=opening == "{", braces=opening == "\\{")
        if opening == "{" and self._accept("\\choose"):
            value = Apply("binomial", tuple(_scalars([value, self._relation()])))
        elif opening == "{" and self._accept("\\over"):
            value = Quotient(*_scalars([value, self._relation()]))
        if self.token in ("|", ":", "\\mid", "\\|"):
            raise UnsupportedError("a set by its property")
        self._upper, self._twofold = upper, twofold or self._twofold
        self._expect(closing)
        return Listing(value.items, braces=True) if isinstance(value, Listing) else value

    def _accept_unknown(self) -> bool:
        """Reads the `x |` of a set by its property, `x in R |` too; the property is the set then."""
        ahead = self._tokens[self._position : self._position + 4]
        length = 3 if ahead[1:3] == ["\\in", "Reals"] else 1
        if len(ahead) <= length or not ahead[0].isalpha() or ahead[length] not in ("|", ":", "\\mid"):
            return False
        self._position += length + 1
        return True

    def _matrix(self, environment: str) -> Node:
        if environment not in _MATRICES:
            raise UnsupportedError(f"the environment {environment} is not read here")
        if environment == "array" and self.token == "{":
            self._raw()
        rows: list[list[Node]] = [[]]
        while True:
            if self._accept(f"\\endX{environment}"):
                break
            if self._accept("\\\\"):
                rows.append([])
            elif not (self._accept("&") and rows[-1]):
                rows[-1].append(self._relation())
        return _matrix([row for row in rows if row])

    def _structure(self, name: str) -> Node:
        self._expect("(")
        items = self._arguments()
        if name in ("Matrix", "array") and len(items) == 1:
            return nested_matrix(items[0]) or items[0]
        if name.startswith("Interval") and len(items) >= 2:
            kind = name.partition(".")[2]
            opening = "(" if kind in ("open", "Lopen") else "["
            return Bracketed(opening, items[:2], ")" if kind in ("open", "Ropen") else "]")
        if name == "Union" and items:
            sets = tuple(Listing((item,), braces=True) if is_scalar(item) else item for item in items)
            return Combined(sets, ("union",) * (len(sets) - 1)) if len(sets) > 1 else sets[0]
        if name == "FiniteSet":
            return Listing(items, braces=True)
        if name == "Eq" and len(items) == 2:
            return Relation(items, ("=",))
        if name in ("Tuple", "Point") and items:
            return Bracketed("(", items, ")")
        raise UnsupportedError(f"{name} with {len(items)} values")

    # ------------------------------------------------------------ functions

    def _function(self, name: str) -> Node:
        if name == "sqrt":
            return self._root()
        inverse, exponent, base = False, None, None
        bare, name = name in BARE_FUNCTIONS, PLAIN_FUNCTIONS[name]
        while self.token in ("^", "_", "**"):
            if self._next() == "_":
                base = self._argument()
            else:
                exponent = self._exponent()
        if isinstance(exponent, Number) and exponent.value == -1 and name in _INVERSE:
            inverse, exponent = True, None
        arguments = self._arguments() if self._accept("(") else (self._bare_argument(name, bare),)
        if base is not None:
            arguments = (*arguments, *_scalars([base]))
        value: Node = Apply(_INVERSE[name] if inverse else name, tuple(_scalars(list(arguments))))
        return value if exponent is None else Power(*_scalars([value, exponent]))

    def _root(self) -> Node:
        degree: Node = Number(Fraction(2))
        if self._accept("["):
            degree = self._relation()
            self._expect("]")
        return Apply("root", tuple(_scalars([self._argument(), degree])))

    def _arguments(self) -> tuple[Node, ...]:
        """What stands before the closing bracket; the opening one is read."""
        items: list[Node] = []
        while not self._accept(")"):
            items.append(self._relation())
            if self.token != ")":
                self._expect(",")
        return tuple(items)

    def _bare_argument(self, name: str, bare: bool) -> Node:
        """`sin 2x`: the factors up to a sign or to the next function."""
        if not bare and self.token != "{":
            fail(f"{name} without an argument")
        value = self._power()
        while self._starts_factor() and self.token.removeprefix("\\") not in BARE_FUNCTIONS:
            value = self._times(value, self._power())
        return value


def _scalars(nodes: list[Node]) -> list[Node]:
    """The same nodes, where each is one value; a set in a sum is no mathematics that is judged here."""
    for node in nodes:
        if not is_scalar(node):
            raise UnsupportedError(f"{type(node).__name__.lower()} where one value was expected")
    return nodes


def nested_matrix(node: Node) -> Matrix | None:
    """`[[1, 2], [3, 4]]` as a matrix, `[1, 2]` as a column; None for anything else."""
    if not isinstance(node, Bracketed) or node.opening + node.closing not in ("[]", "()"):
        return None
    rows = [item.items if isinstance(item, Bracketed) else (item,) for item in node.items]
    if len({len(row) for row in rows}) != 1 or not all(is_scalar(cell) for row in rows for cell in row):
        return None
    return Matrix(tuple(rows))


def _matrix(rows: list[list[Node]]) -> Node:
    if not rows or len({len(row) for row in rows}) != 1:
        fail("a matrix with rows of several lengths")
    return Matrix(tuple(tuple(row) for row in rows))
