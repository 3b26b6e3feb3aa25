"""Documents that ask for more than anybody may, each in its own way."""


def spread(count: int, body: str) -> str:
    """A document that spreads `count` fragments of the same body side by side."""
    names = [f"F{number}" for number in range(count)]
    fragments = (f"fragment {name} on Person {{ {body} }}" for name in names)
    return "{ viewer { " + " ".join(f"...{name}" for name in names) + " } } " + " ".join(fragments)


def bomb(levels: int) -> str:
    """A document of `levels` fragments that stands for 2 ** levels fields."""
    fragments = (
        f"fragment F{level} on Person {{ a: friend {{ ...F{level + 1} }} b: friend {{ ...F{level + 1} }} }}"
        for level in range(levels)
    )
    return f"{{ viewer {{ ...F0 }} }} {' '.join(fragments)} fragment F{levels} on Person {{ name }}"


ABUSE = {
    "10,000 aliases": "{" + " ".join(f"a{number}: hello" for number in range(10_000)) + "}",
    "20,000 repeated fields": "{ viewer {" + "name " * 20_000 + "} }",
    "5,000 directives": "{ hello " + "@skip(if: false) " * 5_000 + "}",
    "300 overlapping fragments": spread(300, "name friend { name }"),
    "24 levels of doubling fragments": bomb(24),
    "60 levels of doubling fragments": bomb(60),
    "a list of 100,000 elements": "{ sum(numbers: [" + "1," * 100_000 + "]) }",
    "a literal of 1 MB": '{ hello(name: "' + "x" * 1_000_000 + '") }',
    "90 levels": "{ viewer " + "{ friend " * 90 + "{ name }" + "}" * 90 + "}",
    "5,000 levels": "{ viewer" * 5_000 + "}" * 5_000,
    "190 inline fragments inside one another": "{" + "... {" * 190 + "hello" + "}" * 190 + "}",
    "a chain of 99 fragments": "{ ...F0 } "
    + " ".join(f"fragment F{level} on Query {{ ... {{ ...F{level + 1} hello }} }}" for level in range(99))
    + " fragment F99 on Query { hello }",
    "40,000 comments": "#c\n" * 40_000 + "{ hello }",
    "21 operations": " ".join(f"query Q{number} {{ hello }}" for number in range(21)),
    "101 aliases": "{ viewer {" + " ".join(f"a{number}: name" for number in range(101)) + "} }",
    "51 directives": "{ viewer {" + "name @skip(if: false) " * 51 + "} }",
    "51 fields at the root": "{" + "hello " * 51 + "}",
    "101 fragments": spread(101, "name"),
    "16 levels": "{ viewer " + "{ friend " * 14 + "{ name }" + "}" * 14 + "}",
    "9,000 fields in 13 small fragments": bomb(12),
}
