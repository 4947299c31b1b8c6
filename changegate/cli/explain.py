"""changegate explain: the page of a control, or what a reason of a report means, for whoever stands before it."""

import click

from changegate.cli import options
from changegate.cli.pages import examples
from changegate.explaining import explain, read_pages


@click.command(name="explain", epilog=examples("changegate explain peer-approved", "changegate explain stale-approval"))
@click.argument("wanted", metavar="CONTROL|REASON", required=False)
@click.option("--markdown", is_flag=True, help="Print the page as it is written, for a file or a viewer.")
def command(wanted: str | None, *, markdown: bool) -> None:
    """Print what a control asks and why, or what a reason in a report means and what to do. Without a name: the controls."""
    page = explain(wanted) if wanted else "\n".join(f"- `{name}`: {_about(text)}" for name, text in read_pages().items()) + "\n"
    if markdown:
        click.echo(page, nl=False)
        return
    from rich.console import Console  # only where a page is laid out
    from rich.markdown import Markdown

    console = Console(width=min(options.width(), 100), highlight=False)
    with console.capture() as laid_out:
        console.print(Markdown(page))
    click.echo(laid_out.get(), nl=False)


def _about(page: str) -> str:
    return page.split("\n\n")[1].strip("*")
