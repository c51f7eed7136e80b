"""The part of a notebook that its sliders need: nbval runs the whole of it, and so does the build of the book."""

import ast
import symtable


def for_sliders(notebook):
    """The notebook, a dict, with those cells of code alone that give a call of `explore` its names, or give them theirs."""
    wanted, kept = set(), []
    for cell in reversed(notebook["cells"]):
        if cell["cell_type"] == "code":
            statements = [Statement(part) for part in ast.parse("".join(cell["source"])).body]
            if any(part.explores or part.gives & wanted for part in statements):
                for part in reversed(statements):
                    wanted = wanted - part.binds | part.needs
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
        assigned, read = ({name for name, does in names if does == what} for what in ("assigned", "read"))
        self.binds = assigned
        self.gives = assigned | {_owner(part) for part in ast.walk(node) if _sets_a_part(part)}
        targets = [loop.target for loop in ast.walk(node) if isinstance(loop, ast.For)]
        fresh = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        self.needs = read - fresh - {getattr(node, "name", None)}  # a function may call itself
        call = getattr(node, "value", None)
        self.explores = isinstance(node, ast.Expr) and isinstance(call, ast.Call) and getattr(call.func, "id", "") == "explore"


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
