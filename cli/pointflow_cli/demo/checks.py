"""What is expected of the stack, and whether it kept to it."""

from __future__ import annotations

from rich.rule import Rule

from pointflow_cli.output import console


class Checks:
    """Compares what was answered with what was expected, and remembers every difference.

    Attributes
    ----------
    made : int
        How many comparisons there were.
    faults : list of str
        A line for each that failed.
    """

    def __init__(self) -> None:
        self.made = 0
        self.faults: list[str] = []

    def expect(self, what: str, expected: object, found: object) -> None:
        """Compare; a difference is printed at once, where it was found."""
        self.made += 1
        if found != expected:
            self.faults.append(f"WRONG: {what}: expected {expected}, found {found}")
            console.print(self.faults[-1], style="bold red", soft_wrap=True)

    def summarise(self) -> None:
        """Print how many there were, and every fault once more."""
        if not self.faults:
            console.print(f"All {self.made} answers were as expected.")
            return
        console.print(f"{len(self.faults)} of {self.made} answers were not as expected:")
        for fault in self.faults:
            console.print(fault, soft_wrap=True)


def heading(text: str) -> None:
    """Begin a part of the show."""
    console.print()
    console.print(Rule(text, align="left"))
