"""Notes: what readers say of what they left out reaches the person, the report and the record."""

from concurrent.futures import ThreadPoolExecutor

from backlot.shared.notes import add_to_reports, collect_notes, note, with_notes


def test_the_same_note_of_many_files_is_one_sentence() -> None:
    with collect_notes() as notes:
        for number in range(5):
            note("the colour profile cannot be read", f"{number}.png")
        note("1 point is left out")
    assert notes.sentences() == ["0.png, 1.png, 2.png and 2 more: the colour profile cannot be read", "1 point is left out"]


def test_without_a_collector_nothing_happens_and_an_inner_one_wins() -> None:
    note("nobody hears this")
    with collect_notes() as outer:
        with collect_notes() as inner:
            note("a")
        note("b")
    assert (outer.sentences(), inner.sentences()) == (["b"], ["a"])


def test_threads_of_a_pool_note_for_the_thread_that_gave_them_work() -> None:
    with ThreadPoolExecutor(1) as pool, collect_notes() as notes:
        pool.submit(with_notes(note), "from a pool").result()
        pool.submit(note, "from elsewhere").result()
    assert notes.sentences() == ["from a pool"]


def test_notes_come_first_in_every_report_and_once() -> None:
    outputs = {"report": {"notes": ["own", "read"]}, "mesh": b""}
    add_to_reports(outputs, ["read"])
    assert outputs["report"]["notes"] == ["read", "own"]
