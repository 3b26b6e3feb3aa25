"""Documents: read once, limited before they are validated, and refused quickly."""

import asyncio
from hashlib import sha256
from threading import Event
from time import thread_time

import pytest
from graphql import DocumentNode, Lexer, OperationType, Source, TokenKind, get_introspection_query
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.documents import Document, Documents, Refusal
from gateway.limits import Limits, Reach
from kernel.errors import Forbidden, TooComplex
from resolvers.compiled.draft import Draft, NotCompiled
from resolvers.compiled.plan import LONGEST_STATEMENT, MOST_PLANS, Plan, Plans
from tests.gateway.abuse import ABUSE, spread
from tests.gateway.toy import SCHEMA

DOCUMENTS = Documents(SCHEMA)


def read(source: str, documents: Documents = DOCUMENTS) -> Document:
    document = documents.read(source)
    assert isinstance(document, Document), document
    return document


def refusal(source: str, documents: Documents = DOCUMENTS) -> Refusal:
    found = documents.read(source)
    assert isinstance(found, Refusal), found
    return found


def code(found: Refusal) -> str:
    return str(found.errors[0]["extensions"]["code"])


async def test_a_long_text_is_read_while_others_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    documents, go_on, parse = Documents(SCHEMA), Event(), Documents._parse
    long = "{ hello }" + " " * 2_000

    def parsed(self: Documents, source: str) -> DocumentNode:
        assert source != long or go_on.wait(30)
        return parse(self, source)

    monkeypatch.setattr(Documents, "_parse", parsed)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        twice = [group.create_task(documents.read_beside(long)) for _ in range(2)]
        other = await documents.read_beside("{ hello }")
        waiting = not any(each.done() for each in twice)
        go_on.set()

    assert isinstance(other, Document)
    assert waiting
    assert isinstance(twice[0].result(), Document)
    assert twice[0].result() is twice[1].result() is documents.read(long)


@pytest.mark.parametrize("name", ABUSE)
async def test_what_is_refused_in_a_thread_is_refused_alike(name: str) -> None:
    beside, alone = await Documents(SCHEMA).read_beside(ABUSE[name]), refusal(ABUSE[name])

    assert isinstance(beside, Refusal)
    assert (beside.errors, beside.parsed) == (alone.errors, alone.parsed)


def test_a_document_tells_its_operations_and_how_far_they_reach() -> None:
    document = read(
        """
        query A { viewer { ...P ... { friend { ...P } } } }
        mutation B { greet(name: "x") other: greet(name: "y") }
        fragment P on Person { name }
        """
    )

    assert [(each.name, each.kind) for each in document.operations] == [
        ("A", OperationType.QUERY),
        ("B", OperationType.MUTATION),
    ]
    assert document.operations[0].reach == Reach(fields=4, roots=1, depth=3)
    assert document.operations[1].reach == Reach(fields=2, roots=2, depth=1)
    assert (document.figures.aliases, document.figures.fragments) == (1, 1)


def test_a_text_is_read_once_and_remembered_by_its_digest() -> None:
    documents = Documents(SCHEMA)

    first, again = documents.read("{ hello }"), documents.read("{ hello }")

    assert first is again
    assert first.digest == sha256(b"{ hello }").hexdigest()


def test_a_refusal_is_remembered_too() -> None:
    documents = Documents(SCHEMA)

    assert documents.read("{ nonsense }") is documents.read("{ nonsense }")


def test_what_was_not_read_lately_is_forgotten() -> None:
    documents = Documents(SCHEMA, room=10_000)
    first = documents.read("{ hello }")

    for number in range(20):
        documents.read(f"{{ a{number}: hello }}")

    assert documents.read("{ hello }") is not first


def statement(characters: int) -> Plan:
    return Plan.of("x" * characters, Draft(), ())


def test_plans_are_weighed_with_their_documents() -> None:
    documents = Documents(SCHEMA, room=300_000)
    first, second = read("{ hello }", documents), read("{ again: hello }", documents)

    first.plans.put("one", statement(10_000))
    both = [documents.known(each.digest) for each in (first, second)]
    second.plans.put("one", statement(100_000))

    assert both == [first, second]
    assert documents.known(first.digest) is None
    assert documents.known(second.digest) is second


def test_the_plans_of_one_document_have_so_much_room_and_are_so_many() -> None:
    plans = Plans()
    for number in range(MOST_PLANS):
        plans.put(number, NotCompiled("of ours"))
    many = len(plans)
    plans.put("one more", statement(100_000))
    alone, size = len(plans), plans.size

    for number in range(100):
        plans.put(number, statement(LONGEST_STATEMENT))

    assert (many, alone) == (MOST_PLANS, 1)
    assert size > 300_000
    assert 0 < len(plans) < 5
    assert plans.size < 3_000_000
    assert plans.get(99) is not None


def test_plans_of_a_document_that_was_forgotten_weigh_nothing() -> None:
    documents = Documents(SCHEMA, room=10_000)
    first = read("{ hello }", documents)
    for number in range(20):
        documents.read(f"{{ a{number}: hello }}")
    last = read("{ last: hello }", documents)

    first.plans.put("one", statement(1_000_000))

    assert documents.known(first.digest) is None
    assert documents.known(last.digest) is last


def test_nonsense_does_not_push_good_documents_out() -> None:
    documents = Documents(SCHEMA)
    good = documents.read("{ hello }")

    for number in range(1_000):
        documents.read(f"{{ nonsense{number} ")

    assert documents.read("{ hello }") is good


def test_syntax_and_validation_are_told_apart() -> None:
    assert not refusal("{ hello").parsed
    assert refusal("{ nonsense }").parsed
    assert {code(refusal("{ hello")), code(refusal("{ nonsense }"))} == {"INVALID_INPUT"}


def test_errors_have_a_place_and_no_more_than_twenty_are_told() -> None:
    found = refusal("{ viewer { " + " ".join(f"n{number}" for number in range(100)) + " } }")

    assert len(found.errors) == 20
    assert found.errors[0]["locations"] == [{"line": 1, "column": 12}]


def test_the_introspection_of_tools_passes_with_room_to_spare() -> None:
    document = read(get_introspection_query(input_value_deprecation=True, specified_by_url=True))

    assert document.operations[0].reach.introspects
    assert document.operations[0].reach.depth == 1


def test_strangers_in_production_get_no_introspection_and_no_suggestions() -> None:
    closed = Documents(SCHEMA, introspection=False, suggestions=False)

    for source in (
        "{ __schema { queryType { name } } }",
        '{ viewer { name } ...F } fragment F on Query { __type(name: "Query") { name } }',
    ):
        (operation,) = read(source, closed).operations
        with pytest.raises(Forbidden, match="Introspection is closed here"):
            closed.open(operation, allowed=False)
        closed.open(operation, allowed=True)
        DOCUMENTS.open(operation, allowed=False)
    assert refusal("{ helo }", closed).errors[0]["message"] == "Cannot query field 'helo' on type 'Query'."
    assert refusal("{ helo }").errors[0]["message"].endswith("Did you mean 'hello'?")
    assert read("{ __typename }", closed)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{ hello } fragment F on Query { hello }", "Fragment 'F' is never used."),
        ("fragment F on Query { hello }", "The document has no operation."),
        ("type Query { hello: Int }", "The document has no operation."),
        ("{ ...A } fragment A on Query { ...A }", "Cannot spread fragment 'A' within itself."),
        ("query($x: Which!) { which(by: $x) } fragment", "Syntax Error: Expected Name, found <EOF>."),
        ("{ which(by: { id: 1, name: 2 }) }", "String cannot represent a non string value: 2"),
        ("{ which(by: { id: $x }) }", "Variable '$x' is not defined."),
        (
            "fragment F on Query { which(by: { id: $x }) } query($x: Int) { ...F }",
            "Variable 'x' must be non-nullable to be used for OneOf Input Object 'Which'.",
        ),
        ("", "Syntax Error: Unexpected <EOF>."),
    ],
)
def test_a_document_that_breaks_a_rule_is_told_which(source: str, sentence: str) -> None:
    found = refusal(source)

    assert (code(found), found.errors[0]["message"]) == ("INVALID_INPUT", sentence)


@pytest.mark.parametrize("source", ABUSE.values(), ids=ABUSE)
def test_abuse_is_refused_within_50_milliseconds(source: str) -> None:
    took = []
    for _ in range(3):
        documents = Documents(SCHEMA)
        started = thread_time()
        found = refusal(source, documents)
        took.append(thread_time() - started)

    assert code(found) == "TOO_COMPLEX"
    assert len(str(found.errors)) < 1_000
    assert min(took) < 0.05


VALUES = [
    *("1", "-1.5e+3", "$v", "RED", "true", '"x"', '""', '"\\""', '"# no comment"', "{k: 1}", "[1 2]", ","),
    *('"""a "b" \\""" c"""', '""""""', '"""\n#\n"""', '#"c\n', "#\n"),
]


@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=30))
def test_tokens_are_counted_before_parsing_as_the_lexer_counts_them(values: list[str]) -> None:
    source = f"{{ hello(name: [{' '.join(values)}]) }}"
    lexer, count = Lexer(Source(source)), 0
    while lexer.advance().kind is not TokenKind.EOF:
        count += 1

    Limits(tokens=count).check_length(source)
    with pytest.raises(TooComplex):
        Limits(tokens=count - 1).check_length(source)


ENDLESS = ['"' + '\\"' * 60_000, '"""' * 40_001, '"a\n' * 40_000, "\\" * 120_000, "-" * 120_000]


@pytest.mark.parametrize("begun", ENDLESS)
def test_no_place_of_a_text_without_an_end_is_looked_at_again_and_again(begun: str) -> None:
    documents, started = Documents(SCHEMA), thread_time()
    refusal("{ hello(name: " + begun, documents)

    assert thread_time() - started < 1, "it would take minutes"


EDGES = {
    "a field repeated": "{ viewer {" + "name " * 2_400 + "} }",
    "an argument repeated": "{ viewer {" + "friends(first: 1) { name } " * 240 + "} }",
    "an object repeated": "{ viewer {" + "friend { friend { name } } " * 300 + "} }",
    "fragments side by side": spread(100, "name friend { name } friends { name }"),
    "conflicts everywhere": "{ viewer {"
    + " ".join(f"friend {{ friends(first: {number}) {{ name }} }}" for number in range(180))
    + "} }",
    "as much as is allowed": "{ viewer {" + " ".join(f"a{number}: friends {{ name }}" for number in range(100)) + "} }",
}


@pytest.mark.parametrize("source", EDGES.values(), ids=EDGES)
def test_what_the_limits_let_through_is_validated_in_bounded_time(source: str) -> None:
    took = []
    for _ in range(3):
        documents = Documents(SCHEMA, suggestions=False)
        started = thread_time()
        documents.read(source)
        took.append(thread_time() - started)

    # What looks at each pair takes seconds.
    assert min(took) < 0.5


def test_a_page_that_an_admin_needs_is_far_from_any_limit() -> None:
    people = " ".join(
        f"p{number}: friends(first: 50) {{ name friend {{ name friend {{ name }} }} }}" for number in range(40)
    )

    assert read("query Page { viewer { name " + people + " } }").figures.tokens < Limits().tokens / 2


def test_limits_are_settings() -> None:
    strict = Documents(SCHEMA, limits=Limits(depth=1))

    found = refusal("{ viewer { name } }", strict)

    assert found.errors[0] == {
        "message": "The document has 2 levels of fields; one request may have 1.",
        "extensions": {"code": "TOO_COMPLEX", "details": {"limit": "depth", "most": 1}},
    }


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='{}()[]:,.$@!"#\\\nabc19 _query fragment on Person viewer name ...', max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(DOCUMENTS.read(text), Document | Refusal)
