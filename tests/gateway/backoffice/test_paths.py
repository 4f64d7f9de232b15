"""Paths: words before parameters, whatever their names."""

from __future__ import annotations

from gateway.backoffice.paths import PathTree, loggable
from tests.gateway.backoffice.conftest import Door


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


async def test_a_path_with_line_breaks_is_refused_in_the_api_s_own_shape(
    field_sales: Door,
) -> None:
    status, answer = await field_sales.ask("GET", "/client/a%0Ab")
    assert (status, answer["success"]) == (404, False)
