"""The part of a notebook that its sliders need: nbval runs the whole of it, and so does the build of the book."""

import ast
import symtable


def for_sliders(notebook):
    """The notebook, a dict, with those cells of code alone that give a call of `explore` its names, or give them theirs."""
    wanted, kept = frozenset(), []
    for cell in reversed(notebook["cells"]):
        if cell["cell_type"] == "code":
            statements = [Statement(part) for part in ast.parse("".join(cell["source"])).body]
            if any(part.explores or part.gives & wanted for part in statements):
                wanted = _needs(statements, wanted)
                kept.append(cell | {"outputs": []})
    return {**notebook, "cells": kept[::-1]}


class Statement:
    """What a statement of a cell does to the names of the notebook.

    Attributes:
        binds: names that are its own from here on.
        gives: these, and names of objects of which it sets a part.
        needs: names that must have been bound before.
        explores: whether it makes a figure with sliders.
    """

    def __init__(self, node):
        names = list(_globals(symtable.symtable(ast.unparse(node), "cell", "exec")))
        self.binds, read = ({name for name, does in names if does == what} for what in ("assigned", "read"))
        self.gives = self.binds | {_owner(part) for part in ast.walk(node) if _sets_a_part(part)}
        self.needs = read - {getattr(node, "name", None)}  # a function may call itself
        if isinstance(node, ast.For):
            self.needs = _needs_of_loop(node)
        call = getattr(node, "value", None)
        self.explores = isinstance(node, ast.Expr) and isinstance(call, ast.Call) and getattr(call.func, "id", "") == "explore"


def _needs(statements, after=frozenset()):
    """The names that must have been bound before some statements, if these must be bound after them."""
    for statement in reversed(statements):
        after = after - statement.binds | statement.needs
    return after


def _needs_of_loop(loop):
    target, steps = Statement(ast.Assign([loop.target], loop.iter, lineno=0)), [Statement(part) for part in loop.body]
    return _needs([target, *steps]) | _needs([Statement(part) for part in loop.orelse])


def _globals(table):
    """Pairs of a name of the notebook, and "assigned" or "read", in a scope and all within it."""
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if top and (symbol.is_assigned() or symbol.is_imported()):
            yield symbol.get_name(), "assigned"
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name(), "read"
    for inner in table.get_children():
        yield from _globals(inner)


def _sets_a_part(node):
    return isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store)


def _owner(node):
    """The name that an attribute or an item belongs to, at last."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "id", None)
