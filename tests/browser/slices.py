"""The part of a notebook that its sliders need: nbval runs the whole of it, and so does the build of the book."""

import ast


def for_sliders(notebook):
    """The notebook, a dict, without the cells of code whose names no call of `explore` uses, itself or through others."""
    wanted, kept = set(), []
    for cell in reversed(notebook["cells"]):
        if cell["cell_type"] == "code":
            code = ast.parse("".join(cell["source"]))
            if not (_explores(code) or _given(code) & wanted):
                continue
            wanted |= {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}
        kept.append(cell)
    return {**notebook, "cells": kept[::-1]}


def _explores(code):
    """Whether a cell makes a figure with sliders."""
    calls = (statement.value for statement in code.body if isinstance(statement, ast.Expr))
    return any(isinstance(call, ast.Call) and getattr(call.func, "id", "") == "explore" for call in calls)


def _given(code):
    """The names that a cell binds, or of whose objects it sets a part."""
    given = set()
    for node in ast.walk(code):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            given.add(node.name)
        elif isinstance(node, ast.alias):
            given.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            given |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return given
