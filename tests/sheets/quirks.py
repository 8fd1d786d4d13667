"""Small files with the quirks of real extraction sheets: each is read right, or refused at its row and column."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["READ", "REFUSED", "Quirk"]


@dataclass(frozen=True)
class Quirk:
    """One file: its bytes, and what has to come of it.

    ``values`` are (role, numbers); ``says`` are words of its notes; ``at`` is (row, column, code) of a refusal.
    """

    name: str
    data: bytes
    values: dict[str, list[float | None]] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    at: tuple[tuple[int, int, str], ...] = ()
    suffix: str = ".csv"
    options: dict[str, str] = field(default_factory=dict)
    words: str = ""


PLAIN = "study,events,n\nLee 2010,3,40\nKim 2011,5,50\n"
NUMBERS: dict[str, list[float | None]] = {"events": [3, 5], "n": [40, 50]}

READ = [
    Quirk("plain", PLAIN.encode(), NUMBERS, ("separator: comma",)),
    Quirk("utf-8 with mark", PLAIN.encode("utf-8-sig"), NUMBERS, ("byte order mark",)),
    Quirk("utf-16", PLAIN.encode("utf-16"), NUMBERS, ("UTF-16",)),
    Quirk("utf-16 without mark", PLAIN.encode("utf-16-le"), NUMBERS, ("UTF-16 without",)),
    Quirk("latin-1", "study,events,n\nLeé,3,40\nKim,5,50\n".encode("latin-1"), NUMBERS, ("0xE9 in line 2",)),
    Quirk("encoding told", PLAIN.encode("utf-16"), NUMBERS, options={"encoding": "utf-16"}),
    Quirk("windows lines", PLAIN.replace("\n", "\r\n").encode(), NUMBERS),
    Quirk("semicolons", PLAIN.replace(",", ";").encode(), NUMBERS, ("separator: semicolon",)),
    Quirk("tabs named csv", PLAIN.replace(",", "\t").encode(), NUMBERS, ("separator: tab",)),
    Quirk("bars", PLAIN.replace(",", "|").encode(), NUMBERS, ("separator: bar",)),
    Quirk("tsv", PLAIN.replace(",", "\t").encode(), NUMBERS, suffix=".tsv"),
    Quirk("sep line", ("sep=;\n" + PLAIN.replace(",", ";")).encode(), NUMBERS, ("row 1 says",)),
    Quirk("separator told", PLAIN.replace(",", "|").encode(), NUMBERS, options={"separator": "|"}),
    Quirk("title rows", ("Table 2. Events\n\n" + PLAIN).encode(), NUMBERS, ("row 1 above the names",)),
    Quirk("blank rows", PLAIN.replace("Kim", "\n,,\nKim").encode(), NUMBERS, ("rows 3, 4 passed over: blank",)),
    Quirk(
        "heading rows", PLAIN.replace("Kim", "Randomised,,\nKim").encode(), NUMBERS, ("row 3 passed over: headings",)
    ),
    Quirk("total rows", (PLAIN + "Total (95% CI),8,90\n").encode(), NUMBERS, ("row 4 passed over: totals",)),
    Quirk("subtotals", PLAIN.replace("Kim", "Subtotal,3,40\nKim").encode(), NUMBERS, ("row 3 passed over: totals",)),
    Quirk(
        "header again", PLAIN.replace("Kim", "study,events,n\nKim").encode(), NUMBERS, ("names of the columns again",)
    ),
    Quirk("no name above studies", PLAIN.replace("study", "").encode(), NUMBERS),
    Quirk("quoted line end", PLAIN.replace("Lee 2010", '"Lee\n2010"').encode(), NUMBERS),
    Quirk(
        "decimal comma",
        b"study;mean;sd\nLee;1,5;2,25\nKim;-3,0;1,2\n",
        {"mean": [1.5, -3], "sd": [2.25, 1.2]},
        ("decimal commas read as points in 4 cells (B2, C2, B3 and 1 more)",),
    ),
    Quirk("comma settled by others", b"study;mean;sd\nLee;1,234;2,25\n", {"mean": [1.234]}),
    Quirk("thousands settled by others", b'study,mean,sd\nLee,"1,234",2.5\n', {"mean": [1234]}, ("thousands",)),
    Quirk("thousands twice", b'study,person years,events\nLee,"1,234,567",2\n', {"person_time": [1234567]}),
    Quirk("thousands and point", b'study,mean,sd\nLee,"1,234.5",2\n', {"mean": [1234.5]}),
    Quirk("points and comma", b"study;mean;sd\nLee;1.234,5;2\n", {"mean": [1234.5]}, ("decimal commas",)),
    Quirk("spaced thousands", b"study;n;events\nLee;12 345;2\nKim;1 000;3\n", {"n": [12345, 1000]}),
    Quirk("comma told", b'study,mean,sd\nLee,"1,234",2\n', {"mean": [1.234]}, options={"decimal": ","}),
    Quirk("point told", b'study,mean,sd\nLee,"1,234",2\n', {"mean": [1234]}, options={"decimal": "."}),
    Quirk("raised point", "study,mean,sd\nLee,1·5,2\n".encode(), {"mean": [1.5]}, ("raised",)),
    Quirk("typographic minus", "study,mean,sd\nLee,−1.5,2\nKim,–2,1\n".encode(), {"mean": [-1.5, -2]}, ("minus",)),
    Quirk(
        "percent signs", b"study,percent,n\nLee,47.2 %,36\nKim,20%,15\n", {"percent": [47.2, 20]}, ("percent signs",)
    ),
    Quirk("percent of a proportion", b"study,proportion,n\nLee,47.2%,36\n", {"proportion": [0.472]}),
    Quirk(
        "not reported",
        "study,events,n\nLee,n/a,40\nKim,NR,50\nPark,–,\n".encode(),
        {"events": [None] * 3, "n": [40, 50, None]},
        ("`n/a` 1 time", "`NR` 1 time", "`–` 1 time"),
    ),
    Quirk(
        "bounds on p",
        b"study,estimate,se,p\nLee,1,2,<0.001\nKim,1,2,p=0.04\nPark,1,2,>0.05\n",
        {"p": [0.001, 0.04, 0.05]},
    ),
    Quirk("powers of ten", b"study,estimate,se\nLee,1.2e-3,1E-4\n", {"estimate": [0.0012], "se": [0.0001]}),
    Quirk(
        "one name, two years",
        b"author,year,events,n\nLee,2010,3,40\nLee,2011,5,50\n",
        NUMBERS,
        ("studies of one name told apart by `year`: Lee",),
    ),
    Quirk("control characters", b"study,events,n\n\x1b[31mLee\x07,3,40\nKim,5,50\n", NUMBERS),
    Quirk("formula as a name", b'study,events,n\n"=HYPERLINK(""http://x"",""y"")",3,40\nKim,5,50\n', NUMBERS),
]
"""Files that are read right."""

REFUSED = [
    Quirk("ambiguous comma", b'study,mean,sd\nLee,"1,234",2\n', at=((2, 2, "LE113"),), words="1.234 or 1234"),
    Quirk("mixed signs", b"study;mean;sd\nLee;1,5;2.5\nKim;1.234;2,5\nPark;1,234;2.5\n", at=((4, 2, "LE113"),)),
    Quirk("point beside commas", b"study;mean;sd\nLee;1.234;2,5\n", at=((2, 2, "LE113"),)),
    Quirk("against what was told", b"study;mean;sd\nLee;1,5;2\n", at=((2, 2, "LE112"),), options={"decimal": "."}),
    Quirk("plus minus", "study,mean,n\nLee,12 ± 3,40\n".encode(), at=((2, 2, "LE115"),), words="12 here and 3"),
    Quirk("events of patients", b"study,events,n\nLee,3/15,15\n", at=((2, 2, "LE103"),), words="3 here and 15"),
    Quirk("count with percent", b"study,events,n\nLee,3 (20%),15\n", at=((2, 2, "LE103"),), words="3 here and 20%"),
    Quirk("percent for events", b"study,events,n\nLee,20%,15\n", at=((2, 2, "LE103"),), words="percent"),
    Quirk("footnote", b"study,events,n\nLee,12*,15\n", at=((2, 2, "LE103"),), words="write 12"),
    Quirk("fraction of events", b"study,events,n\nLee,2.5,15\n", at=((2, 2, "LE242"),)),
    Quirk("no patients", b"study,events,n\nLee,0,0\n", at=((2, 3, "LE243"),)),
    Quirk("negative events", b"study,events,n\nLee,-1,10\n", at=((2, 2, "LE243"),)),
    Quirk("more events than patients", b"study,events,n\nLee,20,15\n", at=((2, 2, "LE241"),)),
    Quirk("negative SD", b"study,mean,sd,n\nLee,2,-1,15\n", at=((2, 3, "LE104"),)),
    Quirk("SE of zero", b"study,estimate,se\nLee,2,0\n", at=((2, 3, "LE105"),)),
    Quirk("p above one", b"study,estimate,se,p\nLee,2,1,5\n", at=((2, 4, "LE116"),)),
    Quirk("percent above 100", b"study,percent,n\nLee,120,10\n", at=((2, 2, "LE116"),)),
    Quirk("proportion in percent", b"study,proportion,n\nLee,47.2,10\n", at=((2, 2, "LE116"),), words="percent"),
    Quirk("bounds swapped", b"study,estimate,lower,upper\nLee,2,3,1\n", at=((2, 3, "LE212"),)),
    Quirk("outside its interval", b"study,estimate,lower,upper\nLee,5,1,3\n", at=((2, 3, "LE211"),)),
    Quirk("bound of a mean", b"study,mean,sd\nLee,<5,1\n", at=((2, 2, "LE103"),), words="bound"),
    Quirk("study missing", b"study,events,n\n,3,15\n", at=((2, 1, "LE108"),)),
    Quirk(
        "two columns of one name", b"study,events,n,events,n\nLee,3,15,2,15\n", at=((1, 2, "LE002"), (1, 3, "LE002"))
    ),
    Quirk("two columns of one role", b"study,cases,deaths,n\nLee,3,15,20\n", at=((1, 2, "LE002"),), words="--column"),
    Quirk("comma not in quotes", b"study,mean,sd\nLee,1,5,2\n", at=((2, 4, "LE107"),), words="quotes"),
    Quirk("formula", b"study,events,n\nLee,=A1+B1,15\n", at=((2, 2, "LE103"),), words="formula"),
    Quirk("command", b"study,events,n\nLee,@SUM(1),15\n", at=((2, 2, "LE103"),), words="formula"),
    Quirk("beyond numbers", b"study,mean,sd\nLee,1e999,15\n", at=((2, 2, "LE114"),)),
    Quirk("header alone", b"study,events,n\n", at=((1, 0, "LE006"),)),
    Quirk(
        "several at once", b"study,events,n\nLee,x,15\n,3,y\n", at=((2, 2, "LE103"), (3, 1, "LE108"), (3, 3, "LE103"))
    ),
]
"""Files that are refused, all problems at once."""
