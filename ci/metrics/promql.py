"""What a PromQL text names: its selectors with their matchers, and the labels that it groups by. Whether the text is
PromQL at all is for Prometheus to say; this refuses what it cannot follow exactly, rather than let it pass."""

import dataclasses
import re

TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    |(?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![\w.]))
    |(?P<number>0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    |(?P<name>[a-zA-Z_:][\w:]*)
    |(?P<sign>=~|!~|==|!=|<=|>=|[-+*/%^<>=(){}\[\],:@])""",
    re.X,
)
# They take the name of what they are put before, and end a selector.
WORDS = {"and", "or", "unless", "bool", "atan2", "inf", "nan"}
MATCHING = {"on", "ignoring", "group_left", "group_right"}
AGGREGATIONS = set("sum min max avg count group stddev stdvar topk bottomk quantile count_values".split())
OF_COUNTERS = {"rate", "irate", "increase", "resets"}
OF_GAUGES = set(
    "delta idelta deriv predict_linear changes avg_over_time min_over_time max_over_time last_over_time quantile_over_time".split()
)
FUNCTIONS = OF_COUNTERS | OF_GAUGES
FUNCTIONS |= set(
    "abs absent absent_over_time ceil clamp clamp_max clamp_min count_over_time floor histogram_quantile ln log10 log2 round "
    "scalar sgn sort sort_desc sqrt time timestamp vector".split()
)


class Unclear(Exception):
    """The text says what this cannot follow."""


@dataclasses.dataclass
class Selector:
    """One `metric{matchers}`, and the function around it, if there is one."""

    metric: str
    matchers: list  # of (label, operator, value)
    function: str


@dataclasses.dataclass
class Query:
    selectors: list = dataclasses.field(default_factory=list)
    # Labels of by() and without(), with the selectors that they are of; those of on() and the like are of all.
    groups: list = dataclasses.field(default_factory=list)


def read(text):
    """The [`Query`] of a text. Raises [`Unclear`]."""
    reader = _Reader(_tokens(text))
    query = reader.expression(None, "")
    query.groups += [(labels, query.selectors) for labels in reader.matching]
    return query


def _tokens(text):
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise Unclear(f"{text[at : at + 20]!r} is no PromQL")
        if found.lastgroup:
            tokens.append((found.lastgroup, found.group()))
        at = found.end()
    return tokens + [("end", "")]


class _Reader:
    def __init__(self, tokens):
        self._tokens, self._at, self.matching = tokens, 0, []

    def _peek(self, ahead=0):
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)][1]

    def _next(self, wanted=None):
        kind, text = self._tokens[self._at]
        if wanted not in (None, text):
            raise Unclear(f"{text or 'the end'!r} where {wanted!r} should be")
        self._at += 1
        return kind, text

    def expression(self, closing, function):
        """All up to `closing`, which is taken; to the end of the text for None."""
        query = Query()
        while True:
            kind, text = self._next()
            if text == closing or (kind == "end" and closing is None):
                return query
            if kind == "end":
                raise Unclear(f"{closing!r} is missing")
            if text == "(":
                self._add(query, self.expression(")", function))
            elif text == "[":
                while self._next()[1] != "]":
                    pass
            elif text in ("{", ")", "}", "]"):
                raise Unclear(f"{text!r} without a metric or a beginning")
            elif kind == "name":
                self._word(text, query, function)

    def _word(self, word, query, function):
        if word.lower() in WORDS or word == "offset":
            return
        if word in MATCHING:
            if self._peek() == "(":
                self.matching.append(self._labels())
        elif word in AGGREGATIONS and self._peek() in ("(", "by", "without"):
            self._aggregation(query)
        elif self._peek() == "(":
            if word not in FUNCTIONS:
                raise Unclear(f"the function {word} is not known here")
            self._next("(")
            self._add(query, self.expression(")", word))
        else:
            query.selectors.append(Selector(word, self._matchers(), function))

    def _aggregation(self, query):
        labels = self._grouping()
        self._next("(")
        inner = self.expression(")", "")
        labels = labels or self._grouping()
        self._add(query, inner)
        query.groups.append((labels, inner.selectors))

    def _grouping(self):
        if self._peek() not in ("by", "without"):
            return []
        self._next()
        return self._labels()

    def _labels(self):
        self._next("(")
        labels = []
        while (token := self._next())[1] != ")":
            if token[0] == "name":
                labels.append(token[1])
            elif token[1] != ",":
                raise Unclear(f"{token[1]!r} in a list of labels")
        return labels

    def _matchers(self):
        matchers = []
        if self._peek() != "{":
            return matchers
        self._next("{")
        while self._peek() != "}":
            label, operator, (kind, value) = self._next()[1], self._next()[1], self._next()
            if operator not in ("=", "!=", "=~", "!~") or kind != "string":
                raise Unclear(f"{label} {operator} {value} is no matcher")
            if value[0] != "`" and "\\" in value:
                raise Unclear(f"the escape in {value}")
            matchers.append((label, operator, value[1:-1]))
            if self._peek() == ",":
                self._next()
        self._next("}")
        return matchers

    @staticmethod
    def _add(query, inner):
        query.selectors += inner.selectors
        query.groups += inner.groups
