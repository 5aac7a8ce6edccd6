"""What the ticket store says to PostgreSQL. Each statement is atomic; `store.py` says which form one transaction.

`stands_in` tells the lines apart: true are the tickets that stand in for Redis, false those of PostgreSQL's own queues.
Rows are locked in this order, so that no two transactions wait for one another: charge, tickets, servers, matches,
who is online, counters.
"""

#: Columns of a ticket as `_a_ticket` reads them.
_TICKET = """player_id::text, ticket_id, username, queue, rating, other_queues, other_ratings, region, joined_ms, party,
       traits, status, changed_ms, match_id::text, left_by, is_fallback"""

#: Held until the transaction ends: coming home, which writes this row, waits for it, or it for coming home.
READ_CHARGE = "SELECT is_fallen_back FROM matchmaking_charge WHERE id = 1"
LOCK_CHARGE = f"{READ_CHARGE} FOR SHARE"

READ_TICKET = f"SELECT {_TICKET} FROM matchmaking_ticket WHERE player_id = %(player)s"
LOCK_TICKET = f"{READ_TICKET} FOR UPDATE"
#: Of several players, in the one order in which all transactions lock them.
LOCK_TICKETS_OF = f"""SELECT {_TICKET} FROM matchmaking_ticket WHERE player_id = ANY(%(players)s::uuid[])
ORDER BY player_id FOR UPDATE"""

#: Members of a party who are not where it is: they wait with another ticket, or are in a match.
FIND_PARTED = """SELECT 1 FROM matchmaking_ticket
WHERE player_id = ANY(%(players)s::uuid[]) AND status = 'waiting' AND ticket_id <> %(ticket)s
UNION ALL
SELECT 1 FROM matchmaking_participant WHERE player_id = ANY(%(players)s::uuid[]) AND is_live"""

# --- matches --------------------------------------------------------------------------------------------

#: A match and its players, a row a player, those who have left it too; created_at as milliseconds.
_MATCH = """SELECT m.id::text, m.queue, m.region, m.status, m.server::text,
       round(extract(epoch FROM m.created_at) * 1000)::bigint,
       p.team, p.player_id::text, p.username, p.ticket_rating, p.waited_ms, p.ticket_id, p.left_at IS NOT NULL
FROM matchmaking_matchrecord AS m JOIN matchmaking_participant AS p ON p.match_id = m.id"""

FIND_LIVE_MATCH = f"""{_MATCH}
WHERE m.ended_at IS NULL
  AND m.id = (SELECT match_id FROM matchmaking_participant WHERE player_id = %(player)s AND is_live)
ORDER BY p.team, p.id"""

FIND_LIVE_MATCHES = f"""{_MATCH}
WHERE m.id = ANY(%(matches)s::uuid[]) AND m.ended_at IS NULL
ORDER BY p.team, p.id"""

FIND_MATCH_STATUS = "SELECT status FROM matchmaking_matchrecord WHERE id = %(match)s"

FIND_MATCH_OF_TICKET = """SELECT m.id::text, m.status
FROM matchmaking_participant AS p JOIN matchmaking_matchrecord AS m ON m.id = p.match_id
WHERE p.player_id = %(player)s AND p.ticket_id = %(ticket)s AND p.waits_again IS NOT TRUE"""

START_MATCHES = """UPDATE matchmaking_matchrecord SET status = 'in_progress'
WHERE id = ANY(%(matches)s::uuid[]) AND status = 'created'"""

CONFIRM_MATCHES = """UPDATE matchmaking_matchrecord SET status = 'created'
WHERE id = ANY(%(matches)s::uuid[]) AND status = 'pending_acceptance'"""

#: No row where it was done before.
RELEASE_ONCE = """UPDATE matchmaking_matchrecord SET released_at = to_timestamp(%(at)s / 1000.0)
WHERE id = %(match)s AND released_at IS NULL"""

#: Tickets of PostgreSQL's own queues, as they were.
WAIT_AGAIN = """UPDATE matchmaking_ticket
SET status = 'waiting', match_id = NULL, last_seen_ms = %(at)s, changed_ms = %(at)s
WHERE player_id = ANY(%(players)s::uuid[]) AND match_id = %(match)s AND status = 'matched' AND NOT is_fallback"""

#: The first end of a match stands: a later one finds it ended.
END_MATCH = """WITH ended AS (
    UPDATE matchmaking_matchrecord SET status = %(how)s, ended_at = clock_timestamp()
    WHERE id = %(match)s AND ended_at IS NULL
)
UPDATE matchmaking_participant SET is_live = false WHERE match_id = %(match)s AND is_live"""

# --- the player's calls ---------------------------------------------------------------------------------

_ONLINE = "ON CONFLICT (player_id) DO UPDATE SET last_seen_ms = excluded.last_seen_ms"

SEEN_ONLINE = f"INSERT INTO matchmaking_onlineplayer (player_id, last_seen_ms) VALUES (%(player)s, %(now)s) {_ONLINE}"

#: Who waits in a queue, as the first of the ticket's queues or as another one.
_WAITING_IN = """SELECT player_id, rating, joined_ms FROM matchmaking_ticket
WHERE is_fallback = %(stands_in)s AND queue = {queue} AND status = 'waiting'
UNION ALL
SELECT player_id, other_ratings[array_position(other_queues, {queue}::text)], joined_ms FROM matchmaking_ticket
WHERE is_fallback = %(stands_in)s AND status = 'waiting'
  AND other_queues IS NOT NULL AND {queue}::text = ANY(other_queues)"""

#: How long the line is, and how many stand before the ticket.
_LINE = f"""SELECT count(*) AS size, coalesce(sum(t.rating), 0) AS rating_sum,
       count(*) FILTER (WHERE (t.joined_ms, t.player_id) < ({{joined_ms}}, %(player)s)) AS ahead
FROM ({_WAITING_IN}) AS t"""

#: A status: the ticket that waits is seen, its player is online. No row of `seen` where it does not wait any more, or
#: the player is in a match; what then has to be read by another statement, which sees what this one waited for.
ASK = f"""WITH charge AS (
    SELECT NOT %(stands_in)s OR EXISTS (SELECT FROM matchmaking_charge WHERE id = 1 AND is_fallen_back) AS is_held
), seen AS (
    UPDATE matchmaking_ticket SET last_seen_ms = %(now)s FROM charge
    WHERE player_id = %(player)s AND status = 'waiting' AND is_fallback = %(stands_in)s AND charge.is_held
      AND NOT EXISTS (SELECT FROM matchmaking_participant WHERE player_id = %(player)s AND is_live)
    RETURNING ticket_id, queue, rating, joined_ms, region, other_queues, other_ratings, party, traits
), online AS (
    INSERT INTO matchmaking_onlineplayer (player_id, last_seen_ms)
    SELECT %(player)s, %(now)s FROM charge WHERE is_held AND (SELECT count(*) FROM seen) >= 0
    {_ONLINE}
)
SELECT charge.is_held, seen.ticket_id, seen.queue, seen.rating, seen.joined_ms, seen.region,
       seen.other_queues, seen.other_ratings, seen.party, seen.traits,
       line.size, line.rating_sum, line.ahead
FROM charge LEFT JOIN seen ON true
LEFT JOIN LATERAL ({_LINE.format(joined_ms="seen.joined_ms", queue="seen.queue")}) AS line ON seen.queue IS NOT NULL"""

#: After a join's transaction: its place in one of its queues, and whether a round has to be begun there, because none
#: runs and it is the first to ask. So whoever finds that a round was asked for before knows that this round, not yet
#: begun, will see the ticket; and a round that runs sees when it finishes that it was asked for another.
STAND_IN_LINE = f"""WITH line AS ({_LINE.format(joined_ms="%(joined_ms)s", queue="%(queue)s")}),
nudge AS (
    UPDATE matchmaking_queuestate SET nudged_until = clock_timestamp() + %(nudge_ms)s * interval '1 millisecond'
    FROM line
    WHERE queue = %(queue)s AND is_fallback = %(stands_in)s AND nudged_until <= clock_timestamp()
      AND %(is_new)s AND line.size >= 2
    RETURNING leased_until <= clock_timestamp() AS may_begin
)
SELECT line.size, line.rating_sum, line.ahead, EXISTS (SELECT FROM nudge WHERE may_begin),
       EXISTS (SELECT FROM matchmaking_queuestate WHERE queue = %(queue)s AND is_fallback = %(stands_in)s)
FROM line"""

MAKE_QUEUE_STATE = """INSERT INTO matchmaking_queuestate (queue, is_fallback, lease, leased_until, nudged_until)
VALUES (%(queue)s, %(stands_in)s, '', 'epoch', 'epoch') ON CONFLICT DO NOTHING"""

#: Of one player: queue, rating, deviation, games; and in each row whom he will not play with.
FIND_RATINGS = """SELECT queue, rating, deviation, games,
    ARRAY(SELECT blocked_id::text FROM players_block WHERE player_id = %(player)s)
FROM players_rating WHERE player_id = %(player)s AND queue = ANY(%(queues)s)"""

_COUNT = """INSERT INTO matchmaking_queuecount AS c (queue, is_fallback, slot, joins, leaves, matches, expired)
{counts}
ON CONFLICT (queue, is_fallback, slot) DO UPDATE SET
    joins = c.joins + excluded.joins, leaves = c.leaves + excluded.leaves,
    matches = c.matches + excluded.matches, expired = c.expired + excluded.expired"""

#: Each of the queues of a ticket.
_EACH = "unnest(array_prepend(queue::text, other_queues)) AS q"

#: A new ticket, over an ended one that this transaction has locked (`over`, its id) or where there is none.
#: No row where another transaction has made one meanwhile: look again.
PUT_TICKET = f"""WITH made AS (
    INSERT INTO matchmaking_ticket AS t (player_id, ticket_id, username, queue, rating, other_queues, other_ratings,
        region, party, traits, joined_ms, last_seen_ms, status, changed_ms, match_id, left_by, is_fallback)
    VALUES (%(player)s, %(ticket)s, %(username)s, %(queue)s, %(rating)s, %(other_queues)s, %(other_ratings)s,
        %(region)s, %(party)s, %(traits)s, %(joined_ms)s, %(now)s, 'waiting', %(now)s, NULL, '', %(stands_in)s)
    ON CONFLICT (player_id) DO UPDATE SET
        ticket_id = excluded.ticket_id, username = excluded.username, queue = excluded.queue,
        rating = excluded.rating, other_queues = excluded.other_queues, other_ratings = excluded.other_ratings,
        region = excluded.region, party = excluded.party, traits = excluded.traits, joined_ms = excluded.joined_ms,
        last_seen_ms = excluded.last_seen_ms, status = excluded.status, changed_ms = excluded.changed_ms,
        match_id = NULL, left_by = '', is_fallback = excluded.is_fallback
    WHERE t.status <> 'waiting' AND t.ticket_id = %(over)s
    RETURNING queue, other_queues
), online AS (
    INSERT INTO matchmaking_onlineplayer (player_id, last_seen_ms)
    SELECT %(player)s, %(now)s FROM made WHERE %(is_seen)s
    {_ONLINE}
    RETURNING player_id
), counted AS (
    {
    _COUNT.format(
        counts=f"SELECT q, %(stands_in)s, %(slot)s, 1, 0, 0, 0 FROM made, online, {_EACH} WHERE %(counts)s ORDER BY q"
    )
}
)
SELECT queue FROM made"""

SEE_TICKETS = """UPDATE matchmaking_ticket SET last_seen_ms = %(now)s WHERE player_id = ANY(%(players)s::uuid[])"""

DELETE_TICKETS = """DELETE FROM matchmaking_ticket
WHERE player_id = ANY(%(players)s::uuid[]) AND status = 'waiting' AND is_fallback = %(stands_in)s"""

#: Of players who are in a live match: nothing may come of these tickets.
DELETE_TICKETS_OF_LIVE = """DELETE FROM matchmaking_ticket AS t
WHERE t.player_id = ANY(%(players)s::uuid[]) AND t.status = 'waiting' AND t.is_fallback = %(stands_in)s
  AND EXISTS (SELECT FROM matchmaking_participant AS p WHERE p.player_id = t.player_id AND p.is_live)"""

#: The ticket of a player, and of the other members of a party: `players` are all of them, locked before.
LEAVE = f"""WITH gone AS (
    UPDATE matchmaking_ticket SET status = 'left', changed_ms = %(now)s,
        left_by = CASE WHEN player_id = %(player)s THEN %(request_key)s ELSE '' END
    WHERE player_id = ANY(%(players)s::uuid[]) AND status = 'waiting' AND ticket_id = %(ticket)s
    RETURNING queue, other_queues
), offline AS (
    DELETE FROM matchmaking_onlineplayer WHERE player_id = %(player)s RETURNING player_id
)
{
    _COUNT.format(
        counts="SELECT q, %(stands_in)s, %(slot)s, 0, count(*), 0, 0 FROM gone LEFT JOIN offline ON true, "
        f"{_EACH} GROUP BY q ORDER BY q"
    )
}"""

# --- the round ------------------------------------------------------------------------------------------

#: Never waits: a row that another process is writing is as good as a lease.
BEGIN_ROUND = """WITH free AS (
    SELECT queue, is_fallback FROM matchmaking_queuestate
    WHERE queue = %(queue)s AND is_fallback = %(stands_in)s AND leased_until <= clock_timestamp()
    FOR UPDATE SKIP LOCKED
)
UPDATE matchmaking_queuestate AS q
SET lease = %(token)s, leased_until = clock_timestamp() + %(lease_ms)s * interval '1 millisecond',
    nudged_until = 'epoch', last_round_ms = %(now)s
FROM free WHERE q.queue = free.queue AND q.is_fallback = free.is_fallback"""

#: AGAIN where a round was asked for meanwhile, else DONE; no row where the lease is another's.
FINISH_ROUND = """WITH mine AS (
    SELECT queue, is_fallback, %(may_run_again)s AND nudged_until > 'epoch' AS again
    FROM matchmaking_queuestate
    WHERE queue = %(queue)s AND is_fallback = %(stands_in)s AND lease = %(token)s AND leased_until > clock_timestamp()
    FOR UPDATE
)
UPDATE matchmaking_queuestate AS q SET
    leased_until = CASE WHEN again THEN clock_timestamp() + %(lease_ms)s * interval '1 millisecond' ELSE 'epoch' END,
    nudged_until = CASE WHEN again THEN 'epoch' ELSE q.nudged_until END,
    last_round_ms = CASE WHEN again THEN %(now)s ELSE q.last_round_ms END
FROM mine WHERE q.queue = mine.queue AND q.is_fallback = mine.is_fallback
RETURNING again"""

#: In the order of an index: for any row, one might as well begin to read the table, which in an idle queue has none.
WAITED_IN = """SELECT name FROM unnest(%(queues)s::text[]) AS q (name)
WHERE (SELECT true FROM matchmaking_ticket
       WHERE is_fallback = %(stands_in)s AND queue = q.name AND status = 'waiting'
       ORDER BY joined_ms LIMIT 1)
   OR (SELECT true FROM matchmaking_ticket
       WHERE is_fallback = %(stands_in)s AND status = 'waiting'
         AND other_queues IS NOT NULL AND q.name = ANY(other_queues)
       ORDER BY joined_ms LIMIT 1)"""

SNAPSHOT = """SELECT player_id::text, ticket_id, rating, joined_ms, party, traits FROM matchmaking_ticket
WHERE is_fallback = %(stands_in)s AND queue = %(queue)s AND status = 'waiting' AND last_seen_ms >= %(asked_since_ms)s
UNION ALL
SELECT player_id::text, ticket_id, other_ratings[array_position(other_queues, %(queue)s::text)], joined_ms, party,
       traits
FROM matchmaking_ticket
WHERE is_fallback = %(stands_in)s AND status = 'waiting' AND last_seen_ms >= %(asked_since_ms)s
  AND other_queues IS NOT NULL AND %(queue)s::text = ANY(other_queues)"""

#: Tickets that another transaction holds are being left, claimed or asked for: the next round takes them.
LOCK_TICKETS = """SELECT player_id::text, username,
       CASE WHEN queue = %(queue)s THEN rating ELSE other_ratings[array_position(other_queues, %(queue)s::text)] END,
       greatest(0, %(now)s - joined_ms), ticket_id, region, party
FROM matchmaking_ticket
WHERE player_id = ANY(%(players)s::uuid[]) AND (queue = %(queue)s OR %(queue)s::text = ANY(other_queues))
  AND is_fallback = %(stands_in)s AND status = 'waiting'
FOR UPDATE SKIP LOCKED"""

#: Locked until the claims are done, so that no other claim takes the same seat, and no server is lost meanwhile.
LOCK_SERVERS = """SELECT id, generation, host, port, region, capacity FROM servers_gameserverrecord
WHERE status = 'ready' AND ended_at IS NULL ORDER BY id FOR UPDATE"""

COUNT_GAMES = """SELECT server_id, count(*) FROM matchmaking_matchrecord
WHERE ended_at IS NULL AND server_id = ANY(%(servers)s) GROUP BY server_id"""

_INSERT_MATCHES = """WITH new_match AS (
    INSERT INTO matchmaking_matchrecord
        (id, queue, region, status, server_id, server, created_at, win_probabilities, accept_until)
    SELECT id, queue, region, status, server_id, server::jsonb, to_timestamp(created_ms / 1000.0), chances::jsonb,
        to_timestamp(accept_until_ms / 1000.0)
    FROM unnest(%(ids)s::uuid[], %(queues)s::text[], %(regions)s::text[], %(statuses)s::text[], %(server_ids)s::text[],
                %(servers)s::text[], %(created_ms)s::bigint[], %(win_probabilities)s::text[],
                %(accept_until_ms)s::bigint[])
         AS m (id, queue, region, status, server_id, server, created_ms, chances, accept_until_ms)
    {on_conflict}
    RETURNING id
)
INSERT INTO matchmaking_participant
    (match_id, player_id, username, team, ticket_rating, waited_ms, ticket_id, is_live)
SELECT match_id, player_id, username, team, rating, least(waited_ms, 2147483647), ticket_id, true
FROM unnest(%(match_ids)s::uuid[], %(players)s::uuid[], %(usernames)s::text[], %(teams)s::smallint[],
            %(ratings)s::float8[], %(waits_ms)s::bigint[], %(tickets)s::text[]) WITH ORDINALITY
     AS p (match_id, player_id, username, team, rating, waited_ms, ticket_id, place)
JOIN new_match ON new_match.id = p.match_id
ORDER BY place
{on_conflict}"""

#: All or nothing: refused where a player is in a live match.
INSERT_MATCHES = _INSERT_MATCHES.format(on_conflict="")
#: Those that are not there yet, with the players who are not in another live match.
INSERT_MISSING_MATCHES = _INSERT_MATCHES.format(on_conflict="ON CONFLICT DO NOTHING")

MATCH_TICKETS = """UPDATE matchmaking_ticket AS t
SET status = 'matched', match_id = m.match_id, changed_ms = %(now)s
FROM unnest(%(players)s::uuid[], %(match_ids)s::uuid[]) AS m (player_id, match_id)
WHERE t.player_id = m.player_id"""

#: What a match that waits for acceptance needs, should its tickets wait again, wherever that will be.
KEEP_TICKETS = """UPDATE matchmaking_participant AS p SET kept_ticket = jsonb_build_object(
    'id', t.ticket_id, 'player_id', t.player_id, 'username', t.username, 'region', t.region, 'joined_ms', t.joined_ms,
    'queues', array_prepend(t.queue::text, t.other_queues), 'ratings', array_prepend(t.rating, t.other_ratings),
    'party', coalesce(t.party, ''), 'traits', t.traits)
FROM matchmaking_ticket AS t
WHERE p.match_id = ANY(%(match_ids)s::uuid[]) AND t.player_id = p.player_id"""

TICKETS_OF = f"SELECT {_TICKET} FROM matchmaking_ticket WHERE match_id = ANY(%(matches)s::uuid[])"

COUNT_ROUND = _COUNT.format(
    counts="VALUES (%(queue)s, %(stands_in)s, %(slot)s, 0, 0, %(matches)s, 0)",
)

#: Parties of which a member is in one of these matches are parted: it is as if they had left.
PART_PARTIES = """UPDATE matchmaking_ticket AS t
SET status = 'left', changed_ms = round(extract(epoch FROM clock_timestamp()) * 1000)::bigint, left_by = ''
WHERE t.status = 'waiting' AND t.is_fallback = %(stands_in)s AND t.party IN (
    SELECT own.party FROM matchmaking_ticket AS own JOIN matchmaking_participant AS p ON p.player_id = own.player_id
    WHERE p.match_id = ANY(%(matches)s::uuid[]) AND p.is_live AND own.status = 'waiting' AND own.party IS NOT NULL
)"""

#: Whatever tickets the players of these matches hold, they are matched.
ENTER_TICKETS = """INSERT INTO matchmaking_ticket AS t
    (player_id, ticket_id, username, queue, region, rating, joined_ms, last_seen_ms, status, changed_ms, match_id,
     left_by, is_fallback, traits)
SELECT p.player_id, p.ticket_id, p.username, m.queue, m.region, p.ticket_rating, 0, 0, 'matched',
    round(extract(epoch FROM m.created_at) * 1000)::bigint, m.id, '', %(stands_in)s, ''
FROM matchmaking_participant AS p JOIN matchmaking_matchrecord AS m ON m.id = p.match_id
WHERE m.id = ANY(%(matches)s::uuid[]) AND p.is_live AND m.ended_at IS NULL
ORDER BY p.player_id
ON CONFLICT (player_id) DO UPDATE SET
    ticket_id = excluded.ticket_id, queue = excluded.queue, other_queues = NULL, other_ratings = NULL, party = NULL,
    status = 'matched', changed_ms = excluded.changed_ms, match_id = excluded.match_id,
    is_fallback = excluded.is_fallback
WHERE t.match_id IS DISTINCT FROM excluded.match_id"""

# --- the clock's calls ----------------------------------------------------------------------------------

#: A ticket is seen no earlier than it joined, so the line's index finds the old ones. One that is asked for at this
#: moment is locked, or is looked at again once it is written: it does not expire.
#: A party ends whole, if nobody is asking for one of its tickets; and if for that long it has lacked a member.
EXPIRE = """WITH silent AS (
    SELECT player_id FROM matchmaking_ticket
    WHERE is_fallback = %(stands_in)s AND queue = %(queue)s AND status = 'waiting' AND party IS NULL
      AND joined_ms < %(before_ms)s AND last_seen_ms < %(before_ms)s
    ORDER BY joined_ms LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), silent_in_several AS (
    SELECT player_id FROM matchmaking_ticket
    WHERE is_fallback = %(stands_in)s AND other_queues IS NOT NULL AND %(queue)s::text = ANY(other_queues)
      AND status = 'waiting' AND party IS NULL AND joined_ms < %(before_ms)s AND last_seen_ms < %(before_ms)s
    ORDER BY joined_ms LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), looked_at AS (
    SELECT party FROM matchmaking_ticket
    WHERE is_fallback = %(stands_in)s AND status = 'waiting' AND party IS NOT NULL
      AND (queue = %(queue)s OR %(queue)s::text = ANY(other_queues))
    GROUP BY party
    HAVING min(last_seen_ms) < %(before_ms)s OR {lacks_members}
    LIMIT %(limit)s
), member AS (
    SELECT player_id, party, last_seen_ms, changed_ms FROM matchmaking_ticket
    WHERE is_fallback = %(stands_in)s AND status = 'waiting' AND party IN (SELECT party FROM looked_at)
    FOR UPDATE SKIP LOCKED
), silent_party AS (
    SELECT party FROM member GROUP BY party
    HAVING (min(last_seen_ms) < %(before_ms)s OR {lacks_members})
       AND count(*) = (SELECT count(*) FROM matchmaking_ticket AS t
                       WHERE t.party = member.party AND t.status = 'waiting' AND t.is_fallback = %(stands_in)s)
), ended AS (
    UPDATE matchmaking_ticket AS t SET status = 'expired', changed_ms = %(now)s
    FROM (SELECT player_id FROM silent UNION SELECT player_id FROM silent_in_several
          UNION SELECT player_id FROM member WHERE party IN (SELECT party FROM silent_party)) AS one
    WHERE t.player_id = one.player_id
    RETURNING t.ticket_id, t.queue, t.other_queues
), counted AS (
    {counted}
)
SELECT ticket_id FROM ended""".format(
    lacks_members="(min(changed_ms) < %(before_ms)s "
    "AND count(*) < cardinality(string_to_array(split_part(party, ':', 2), ',')))",
    counted=_COUNT.format(
        counts=f"SELECT q, %(stands_in)s, %(slot)s, 0, 0, 0, count(*) FROM ended, {_EACH} GROUP BY q ORDER BY q"
    ),
)

PRUNE_ONLINE = """DELETE FROM matchmaking_onlineplayer WHERE player_id IN (
    SELECT player_id FROM matchmaking_onlineplayer WHERE last_seen_ms < %(before_ms)s FOR UPDATE SKIP LOCKED
)"""

#: Tickets whose last word was told for long enough.
PURGE_ENDED = """DELETE FROM matchmaking_ticket WHERE player_id IN (
    SELECT player_id FROM matchmaking_ticket
    WHERE status = ANY(%(statuses)s) AND status <> 'waiting' AND changed_ms < %(before_ms)s
      AND is_fallback = %(stands_in)s
    FOR UPDATE SKIP LOCKED
)"""

#: Tickets that wait in queues that there are no more.
PURGE_STRAY = """DELETE FROM matchmaking_ticket WHERE player_id IN (
    SELECT player_id FROM matchmaking_ticket
    WHERE is_fallback = %(stands_in)s AND queue <> ALL(%(queues)s) AND status = 'waiting'
      AND NOT coalesce(other_queues, '{}') && %(queues)s AND last_seen_ms < %(before_ms)s
    FOR UPDATE SKIP LOCKED
)"""

# --- figures --------------------------------------------------------------------------------------------

RATINGS = f"SELECT rating FROM ({_WAITING_IN.format(queue='%(queue)s')}) AS line"

COUNTS = """SELECT coalesce(sum(joins), 0)::bigint, coalesce(sum(leaves), 0)::bigint, coalesce(sum(matches), 0)::bigint,
       coalesce(sum(expired), 0)::bigint,
       (SELECT last_round_ms FROM matchmaking_queuestate WHERE queue = %(queue)s AND is_fallback = %(stands_in)s)
FROM matchmaking_queuecount WHERE queue = %(queue)s AND is_fallback = %(stands_in)s"""

#: A row a player whom a match was made for, in the order of matches and their teams.
RECENT = """SELECT m.id::text, p.team, p.ticket_rating, p.waited_ms,
       round(extract(epoch FROM m.created_at) * 1000)::bigint, m.region
FROM (SELECT id, created_at, region FROM matchmaking_matchrecord WHERE queue = %(queue)s
      ORDER BY created_at DESC LIMIT %(limit)s) AS m
JOIN matchmaking_participant AS p ON p.match_id = m.id AND p.joined_at IS NULL
ORDER BY m.created_at DESC, m.id, p.team, p.id"""

COUNT_ONLINE = "SELECT count(*) FROM matchmaking_onlineplayer"

# --- coming home ----------------------------------------------------------------------------------------

LEFT_BEHIND = f"""SELECT {_TICKET} FROM matchmaking_ticket WHERE is_fallback
ORDER BY joined_ms, player_id LIMIT %(limit)s"""

CLEARED = "DELETE FROM matchmaking_ticket WHERE is_fallback AND player_id = ANY(%(players)s::uuid[])"
