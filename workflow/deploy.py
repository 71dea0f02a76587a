"""Deploys a stack with the policy pack: `python -m workflow.deploy prod`."""

import sys

from workflow import engine

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m workflow.deploy STACK")
    sys.exit(engine.up(sys.argv[1]))
