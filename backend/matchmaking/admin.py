"""Matches in the admin, to look at."""

from django.contrib import admin

from matchmaking.models import MatchRecord, Participant


class ParticipantInline(admin.TabularInline):
    model = Participant
    extra = 0
    can_delete = False
    readonly_fields = ("player_id", "username", "team", "ticket_rating", "waited_ms", "rating_before", "rating_after")

    def has_add_permission(self, *args: object) -> bool:
        return False


@admin.register(MatchRecord)
class MatchAdmin(admin.ModelAdmin):
    list_display = ("id", "queue", "status", "server_id", "created_at", "ended_at", "win_probabilities")
    list_filter = ("status", "queue")
    search_fields = ("id", "participants__username", "participants__player_id")
    inlines = (ParticipantInline,)

    def has_add_permission(self, *args: object) -> bool:
        return False

    def has_change_permission(self, *args: object) -> bool:
        return False
