"""What is taken of the limits is given back once, and they hold over everything that shares them."""

from __future__ import annotations

import pytest

from agent.transport.admission import Admission, AdmissionLimits, Visit


def arrive(admission: Admission) -> Visit:
    visit = admission.arrive()
    assert visit is not None
    return visit


def test_no_more_may_be_logging_in_than_allowed() -> None:
    admission = Admission(AdmissionLimits(logins=2))
    first, _ = arrive(admission), arrive(admission)
    assert admission.arrive() is None
    first.logged_in()
    assert admission.arrive() is not None
    assert (admission.counters.connections, admission.counters.crowded_out) == (4, 1)


def test_no_more_connections_may_be_there_than_allowed_logged_in_or_not() -> None:
    admission = Admission(AdmissionLimits(connections=2))
    first, second = arrive(admission), arrive(admission)
    first.logged_in()
    assert admission.arrive() is None
    first.gone()
    first.gone()
    third = arrive(admission)
    assert admission.arrive() is None
    assert (admission.connections, admission.counters.crowded_out) == (2, 2)
    second.gone()
    third.gone()
    assert (admission.connections, admission.logins) == (0, 0)


@pytest.mark.parametrize("limit", [0, 500])
def test_without_a_limit_in_reach_everybody_may_log_in(limit: int) -> None:
    admission = Admission(AdmissionLimits(logins=limit))
    assert all(admission.arrive() is not None for _ in range(300))


def test_a_connection_that_goes_without_a_login_was_abandoned() -> None:
    admission = Admission(AdmissionLimits(logins=1))
    arrive(admission).gone()
    assert (admission.counters.abandoned, admission.logins) == (1, 0)


def test_a_connection_is_given_back_once_however_often_it_goes() -> None:
    admission = Admission(AdmissionLimits())
    visit = arrive(admission)
    visit.logged_in()
    visit.logged_in()
    visit.gone()
    visit.gone()
    assert (admission.counters.abandoned, admission.logins) == (0, 0)


def test_sessions_are_limited_in_all() -> None:
    admission = Admission(AdmissionLimits(sessions=2))
    assert admission.admit("ann")
    assert admission.admit("bob")
    assert not admission.admit("cid")
    admission.release("ann")
    assert admission.admit("cid")
    assert (admission.sessions, admission.counters.sessions, admission.counters.refused_sessions) == (2, 3, 1)


def test_sessions_are_limited_for_each_user() -> None:
    admission = Admission(AdmissionLimits(sessions_of_a_user=1))
    assert admission.admit("ann")
    assert not admission.admit("ann")
    assert admission.admit("bob")
    admission.release("ann")
    assert admission.admit("ann")
