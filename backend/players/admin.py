"""Players and ratings in the admin."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from players.models import Block, Player, Rating

# Their rows hold whole refresh tokens: whoever reads one can be that player for two weeks.
admin.site.unregister([OutstandingToken, BlacklistedToken])


@admin.register(Player)
class PlayerAdmin(UserAdmin):
    list_display = ("username", "id", "is_staff", "is_active", "date_joined")
    search_fields = ("username", "id")


@admin.register(Rating)
class RatingAdmin(admin.ModelAdmin):
    """To look at: ratings change by results only."""

    list_display = ("player", "queue", "rating", "deviation", "games", "wins", "losses", "draws")
    list_filter = ("queue",)
    search_fields = ("player__username",)
    list_select_related = ("player",)

    def has_add_permission(self, *args: object) -> bool:
        return False

    def has_change_permission(self, *args: object) -> bool:
        return False


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin):
    """To look at, and to take out."""

    list_display = ("player", "blocked", "created_at")
    search_fields = ("player__username", "blocked__username")
    list_select_related = ("player", "blocked")

    def has_add_permission(self, *args: object) -> bool:
        return False

    def has_change_permission(self, *args: object) -> bool:
        return False
