"""Runs a newer Poste: `./run mail upgrade --stack NAME --image TAG`; the old one again if it does not work."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from model.values import IMAGE, ImageReference
from operate import command_line
from operate.errors import OperateError, StackError
from operate.stacks.questions import checked, pinned
from operate.stacks.stack import Stack as Configuration
from operate.verify import command as verify
from operate.verify.stack import read_stack
from operate.workflow import engine

PROOF = "container,accounts,mail,tls.renewal"


def main(arguments: Sequence[str]) -> int:
    """Upgrade; the exit status."""
    parser = command_line.parser(
        "upgrade",
        __doc__ or "",
        epilog="The same happens in a deploy with another posteImage: a backup first, then the new image, judged by "
        "what it does. See docs/changes.md",
    )
    parser.add_argument("--image", required=True, metavar="TAG", help="a tag such as 2.5.17, or a whole image with it")
    options = parser.parse_args(arguments)
    try:
        with command_line.standard_output_for_json(options):
            status, image = _upgrade(options.stack, options.image)
    except (OperateError, ValueError) as error:
        print(f"upgrade: {error}", file=sys.stderr)
        return command_line.UNUSABLE
    if options.json:
        command_line.show_json(stack=options.stack, image=image, upgraded=status == command_line.DONE)
    return status


def _upgrade(name: str, wanted: str) -> tuple[int, str]:
    """Deploy another image, and the one of before where that fails; the exit status, and the image that is set then."""
    before = asyncio.run(read_stack(name)).settings.poste_image
    new = whole(before, wanted)
    configuration = Configuration(name, yaml.safe_load(Path("Pulumi.yaml").read_text())["name"])
    print(f"From {before}\nto   {new}", file=sys.stderr)
    configuration.set_plain({"posteImage": new})
    if engine.up(name) == 0:
        print("Asking whether it works", file=sys.stderr)
        return verify.main(["--stack", name, "--only", PROOF, "--watch", "120"]), new
    if new == before:
        print(f"{before} was set already, so there is no other to set back.", file=sys.stderr)
        return command_line.FAILED, before
    print(f"\nThe deploy of {new} failed, as said above. Setting posteImage back, and deploying that.", file=sys.stderr)
    configuration.set_plain({"posteImage": before})
    if engine.up(name) == 0:
        print(f"{before} runs, with all mail. {new} was not taken.", file=sys.stderr)
    else:
        print(f"Neither deploys. Look at: ./run mail verify --stack {name} --only container", file=sys.stderr)
    return command_line.FAILED, before


def whole(before: str, wanted: str) -> str:
    """The image with tag and digest; a tag alone is one of the image that runs. Raises ValueError or StackError."""
    match = IMAGE.fullmatch(before)
    if match is None:
        raise StackError(f"{before} is no image")
    reference = wanted if "/" in wanted or ":" in wanted else f"{match['name']}:{wanted}"
    # Where the stack pins no digest, as the sandbox's does not, none is added.
    return pinned(reference) if match["digest"] else checked(ImageReference)(reference)
