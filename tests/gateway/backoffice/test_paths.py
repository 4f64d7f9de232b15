"""Paths: words before parameters, whatever their names."""

from __future__ import annotations

from gateway.backoffice.paths import PathTree, loggable


def test_words_go_before_parameters() -> None:
    tree: PathTree[str] = PathTree()
    for path in ("/tasks/{id}", "/tasks/kanban", "/tasks/{id}/{key}", "/tasks/{number}/lines"):
        tree.put(path, path)
    assert tree.find("/tasks/kanban") == [
        ("/tasks/kanban", {}),
        ("/tasks/{id}", {"id": "kanban"}),
    ]
    assert tree.find("tasks/7/lines/") == [
        ("/tasks/{id}/{key}", {"id": "7", "key": "lines"}),
        ("/tasks/{number}/lines", {"number": "7"}),
    ]
    assert tree.find("/tasks") == []


def test_signed_links_stay_out_of_the_log() -> None:
    assert loggable("/backoffice/planner/client/12") == "/backoffice/planner/client/12"
    assert loggable(f"/backoffice/planner/book/{'x' * 120}") == "/backoffice/planner/book/..."
