"""Matches in the admin, to look at."""

from django.contrib import admin

from matchmaking.models import MatchRecord, OpenSeat, Participant


class ParticipantInline(admin.TabularInline):
    model = Participant
    extra = 0
    can_delete = False
    readonly_fields = (
        "player_id",
        "username",
        "team",
        "ticket_rating",
        "waited_ms",
        "rating_before",
        "rating_after",
        "joined_at",
        "left_at",
    )

    def has_add_permission(self, *args: object) -> bool:
        return False


class OpenSeatInline(admin.TabularInline):
    model = OpenSeat
    extra = 0
    can_delete = False
    readonly_fields = ("leaver_id", "team", "status", "opened_at", "ends_at", "filled_by", "told_at")

    def has_add_permission(self, *args: object) -> bool:
        return False


@admin.register(MatchRecord)
class MatchAdmin(admin.ModelAdmin):
    list_display = ("id", "queue", "status", "server_id", "created_at", "ended_at", "win_probabilities")
    list_filter = ("status", "queue")
    search_fields = ("id", "participants__username", "participants__player_id")
    inlines = (ParticipantInline, OpenSeatInline)

    def has_add_permission(self, *args: object) -> bool:
        return False

    def has_change_permission(self, *args: object) -> bool:
        return False
