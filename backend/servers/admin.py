"""Game servers in the admin, to look at."""

from django.contrib import admin

from servers.models import GameServerRecord


@admin.register(GameServerRecord)
class GameServerAdmin(admin.ModelAdmin):
    list_display = ("id", "host", "port", "region", "capacity", "status", "registered_at", "ended_at")
    list_filter = ("status", "region")
    search_fields = ("id", "host")

    def has_add_permission(self, *args: object) -> bool:
        return False

    def has_change_permission(self, *args: object) -> bool:
        return False
