"""Registers what is to run before an environment's snapshot is taken and after it is restored (SnapStart).

The interface is that of AWS's package of this name, which its Python runtimes bundle: functions that bring the package
use theirs, and the bootstrap reads either in the same way.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

__all__ = ["register_before_snapshot", "register_after_restore"]

before_snapshot = []
after_restore = []


def register_before_snapshot(func, *args, **kwargs):
    """Has `func` called with these arguments before the snapshot: what was registered last is called first.

    Works as a decorator, too.
    """
    before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """Has `func` called with these arguments after each restoration, in the order of registration.

    Works as a decorator, too.
    """
    after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot():
    """What was registered, as tuples of a function, its arguments and its keyword arguments."""
    return before_snapshot


def get_after_restore():
    """Likewise."""
    return after_restore
